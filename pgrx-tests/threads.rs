//! Threads: what is accepted, and how one part follows the other.

#[pgrx::pg_schema]
mod tests {
    use crate::in_database_tests::support::*;
    use pgrx::prelude::*;

    const CREATE: &str =
        "crier.create_post(current_setting('t.ws')::uuid, 'one', ARRAY[current_setting('t.account')::uuid]";

    /// A post with these further arguments; `t.post` holds its id.
    fn thread(arguments: &str) {
        run(&format!("SELECT set_config('t.post', {CREATE}, {arguments})::text, true)"));
    }

    fn states() -> String {
        one("SELECT string_agg(state, ' ' ORDER BY part) FROM crier.post_target
             WHERE post_id = current_setting('t.post')::uuid")
    }

    fn post_state() -> String {
        one("SELECT state FROM crier.posts WHERE id = current_setting('t.post')::uuid")
    }

    /// Claims the next part and brings it to an outcome; answers with what it was told to publish.
    fn next(outcome: &str) -> String {
        let waits: i64 = one("SELECT count(*) FROM crier.jobs WHERE state <> 'completed'");
        assert_eq!(waits, 1, "expected one part to have a job at a time");
        claim();
        let told: String = one(
            "SELECT concat_ws(' ', part, content, reply_to) FROM crier.start_target(current_setting('t.job')::uuid,
                 current_setting('t.token')::bigint)",
        );
        run(
            "SELECT crier.record_intent(current_setting('t.job')::uuid, current_setting('t.token')::bigint, 'key', '{}')",
        );
        run(&format!(
            "SELECT crier.report_targets(ARRAY[current_setting('t.job')::uuid], ARRAY[current_setting('t.token')::bigint],
                 ARRAY['{outcome}'], ARRAY[jsonb_build_object('external_id', 'id of ' || '{}', 'url', 'https://x/')])",
            &told[..1]
        ));
        told
    }

    fn without_pace() {
        fixture();
        run("UPDATE crier.platform_policy SET account_gap = NULL");
    }

    #[pg_test]
    fn a_part_gets_its_job_when_the_one_before_it_is_published() {
        without_pace();
        thread(
            "thread => '[\"two\", {\"content\": \"three\", \"media\": [{\"url\": \"https://x/y.png\"}]}]', first_comment => 'four'",
        );
        assert_eq!(
            (states().as_str(), post_state().as_str()),
            ("scheduled waiting waiting waiting", "scheduled")
        );
        for (told, states_then, post) in [
            ("0 one", "published queued waiting waiting", "publishing"),
            ("1 two id of 0", "published published queued waiting", "publishing"),
            ("2 three id of 1", "published published published queued", "publishing"),
            // the comment answers the post itself
            ("3 four id of 0", "published published published published", "published"),
        ] {
            assert_eq!(next("published"), told);
            assert_eq!((states().as_str(), post_state().as_str()), (states_then, post), "{told}");
        }
        let jobs: i64 = one(
            "SELECT count(*) FROM crier.jobs WHERE state = 'completed' AND params ->> 'post_id' = current_setting('t.post')",
        );
        assert_eq!(jobs, 4);
    }

    #[pg_test]
    fn a_part_that_failed_is_tried_again_from_the_beginning() {
        without_pace();
        thread("thread => '[\"two\"]'");
        next("content_invalid");
        assert_eq!((states().as_str(), post_state().as_str()), ("failed waiting", "failed"));
        assert_eq!(one::<i64>("SELECT count(*) FROM crier.claim_jobs('w')"), 0);
        let retried: i64 =
            one("SELECT count(*) FROM crier.retry_jobs(ARRAY[current_setting('t.job')::uuid])");
        assert_eq!((retried, states().as_str(), post_state().as_str()), (1, "queued waiting", "publishing"));
        let kept: i64 =
            one("SELECT count(*) FROM crier.post_target WHERE request IS NOT NULL OR prepared IS NOT NULL");
        assert_eq!(kept, 0, "expected it to be prepared and written down anew");
        assert_eq!(
            one::<i64>("SELECT count(*) FROM crier.retry_jobs(ARRAY[current_setting('t.job')::uuid])"),
            0
        );
        // that it goes on from there needs a commit: see tests/tests/it/threads/stuck.rs
    }

    #[pg_test]
    fn what_may_be_out_is_not_tried_again_by_anybody() {
        without_pace();
        run("UPDATE crier.platform_policy SET breaker_failures = NULL");
        post();
        let retried = "SELECT count(*) FROM crier.retry_jobs(ARRAY(SELECT job_id FROM crier.dead_jobs()))";
        next("published");
        assert_eq!(one::<i64>(retried), 0);
        post();
        run("UPDATE crier.post_target SET state = 'unconfirmed' WHERE state = 'scheduled'");
        run("SELECT crier.expire_leases()");
        claim();
        run("SELECT crier.fail_jobs(ARRAY[current_setting('t.job')::uuid], ARRAY[current_setting('t.token')::bigint],
                 ARRAY['config'], ARRAY['{}'::jsonb])");
        assert_eq!(one::<i64>("SELECT count(*) FROM crier.dead_jobs()"), 1);
        assert_eq!(one::<i64>(retried), 0);
    }

    #[pg_test]
    fn a_cancel_takes_the_parts_that_wait_too() {
        without_pace();
        thread("thread => '[\"two\", \"three\"]'");
        next("published");
        let canceled: i64 = one(
            "SELECT count(*) FROM crier.cancel_post(current_setting('t.post')::uuid) WHERE state = 'canceled'",
        );
        assert_eq!((canceled, states().as_str()), (2, "published canceled canceled"));
        assert_eq!(post_state(), "published");
        assert_eq!(one::<i64>("SELECT count(*) FROM crier.claim_jobs('w')"), 0);
    }

    #[pg_test]
    fn what_waits_for_a_canceled_part_never_runs() {
        without_pace();
        thread("thread => '[\"two\", \"three\"]'");
        next("published");
        run("SELECT crier.cancel_jobs(ARRAY(SELECT job_id FROM crier.post_target WHERE state = 'queued'))");
        assert_eq!(
            (states().as_str(), post_state().as_str()),
            ("published canceled waiting", "partly_published")
        );
        run("SELECT crier.cancel_post(current_setting('t.post')::uuid)");
        assert_eq!((states().as_str(), post_state().as_str()), ("published canceled canceled", "published"));
    }

    #[pg_test]
    fn a_person_who_says_that_a_part_is_out_says_where() {
        without_pace();
        thread("thread => '[\"two\"]'");
        claim();
        run("SELECT crier.start_target(current_setting('t.job')::uuid, current_setting('t.token')::bigint)");
        run("UPDATE crier.post_target SET state = 'unconfirmed' WHERE part = 0");
        run("SELECT set_config('t.target', id::text, true) FROM crier.post_target WHERE part = 0");
        let resolve =
            |what: &str| format!("SELECT crier.resolve_target(current_setting('t.target')::uuid, {what})");
        for nowhere in ["'published'", "'published', 'https://x.example/1'"] {
            let [state, message, _, hint] = refused(&resolve(nowhere));
            assert_eq!(state, "22023", "{message}");
            assert!(message.contains("another part waits") && hint.contains("address"), "{message} / {hint}");
        }
        run(&resolve("'published', 'https://bsky.app/profile/alice.test/post/3k'"));
        assert_eq!(states(), "published queued");
        run(
            "SELECT crier.complete_jobs(ARRAY[current_setting('t.job')::uuid], ARRAY[current_setting('t.token')::bigint])",
        );
        assert_eq!(next("published"), "1 two https://bsky.app/profile/alice.test/post/3k");
        // nothing waits for the last one
        run("UPDATE crier.post_target SET state = 'unconfirmed' WHERE part = 1");
        run("SELECT set_config('t.target', id::text, true) FROM crier.post_target WHERE part = 1");
        run(&resolve("'published'"));
        assert_eq!(states(), "published published");
    }

    #[pg_test]
    fn a_text_is_split_where_it_is_too_long() {
        fixture();
        run("SELECT set_config('t.mastodon', account_id::text, true) FROM crier.connect_account(
                 current_setting('t.ws')::uuid, 'mastodon', '1', 'alice@a.example', 'https://a.example')");
        run(
            "SELECT crier.store_credential(current_setting('t.mastodon')::uuid, 1, '\\x0101' || decode(repeat('00', 40), 'hex'))",
        );
        run("SELECT set_config('t.post', crier.create_post(current_setting('t.ws')::uuid, repeat('A sentence of it. ', 25),
                 ARRAY[current_setting('t.account'), current_setting('t.mastodon')]::uuid[], split => true)::text, true)");
        let parts: String = one(
            "SELECT string_agg(platform || ' ' || part || ' ' || coalesce(right(content, 3), 'whole'), ', ' ORDER BY platform, part)
             FROM crier.post_target",
        );
        assert_eq!(parts, "bluesky 0 1/2, bluesky 1 2/2, mastodon 0 whole");
    }

    #[pg_test]
    fn what_a_platform_would_refuse_of_a_part_is_refused_at_once_and_leaves_nothing() {
        fixture();
        for (arguments, state, message) in [
            ("thread => '{}'", "22023", "thread must be a JSON array"),
            ("thread => '[1]'", "22023", "element 1 of thread is neither"),
            ("thread => '[\"a\", {\"text\": \"b\"}]'", "22023", "element 2 of thread can't be read"),
            ("thread => NULL", "22004", "thread"),
            ("split => NULL", "22004", "split"),
            ("thread => '[\"\"]'", "22023", "part 1: the post has neither"),
            (
                "thread => jsonb_build_array('two', repeat('a', 301))",
                "22023",
                "part 2: the text has 301 graphemes",
            ),
            ("thread => '[{\"media\": [{\"url\": \"ftp://x\"}]}]'", "22023", "part 1: image 1"),
            ("thread => to_jsonb(array_fill('x'::text, ARRAY[25]))", "54000", "thread has 25 elements"),
            (
                "thread => jsonb_build_array(repeat('a', 300000))",
                "54000",
                "a text of the thread has 300000 bytes",
            ),
            ("thread => '[\"two\"]', split => true", "22023", "split is given beside a thread"),
            ("first_comment => ''", "22023", "the first comment: the post has neither"),
            ("first_comment => repeat('a', 301)", "22023", "the first comment: the text has 301"),
            ("first_comment => repeat('a', 300000)", "54000", "first_comment has 300000 bytes"),
            ("settings => '{\"bluesky\": {\"reply_to\": \"x\"}}'", "22023", "names no post"),
        ] {
            let [found, text, detail, hint] = refused(&format!("SELECT {CREATE}, {arguments})"));
            assert_eq!(found, state, "{arguments}: {text}");
            assert!(text.contains(message), "{arguments}: {text}");
            assert!(!detail.is_empty() && !hint.is_empty(), "{arguments}: {detail} / {hint}");
        }
        let rows: i64 = one("SELECT (SELECT count(*) FROM crier.post) + (SELECT count(*) FROM crier.job)");
        assert_eq!(rows, 0);
    }

    #[pg_test]
    fn what_a_platform_counts_as_a_comment_is_a_job_of_its_own_kind() {
        without_pace();
        run("SELECT set_config('t.account', account_id::text, true) FROM crier.connect_account(
                 current_setting('t.ws')::uuid, 'instagram', '1', 'alice', 'https://graph.instagram.com')");
        run(
            "SELECT crier.store_credential(current_setting('t.account')::uuid, 1, '\\x0101' || decode(repeat('00', 40), 'hex'))",
        );
        let media = "media => '[{\"url\": \"https://x/y.jpg\"}]'";
        let [state, message, ..] = refused(&format!("SELECT {CREATE}, {media}, thread => '[\"two\"]')"));
        assert_eq!(state, "22023");
        assert!(message.contains("instagram has no threads"), "{message}");
        thread(&format!("{media}, first_comment => '#a'"));
        next("published");
        let comment: String =
            one("SELECT kind || ' ' || (SELECT action FROM crier.job_kind k WHERE k.kind = j.kind)
                                   FROM crier.jobs j WHERE state <> 'completed'");
        assert_eq!(comment, "publish_comment comment");
        next("published");
        thread("settings => '{\"instagram\": {\"reply_to\": \"18001\"}}'");
        assert_eq!(one::<String>("SELECT kind FROM crier.jobs WHERE state = 'pending'"), "publish_comment");
    }

    #[pg_test]
    fn a_target_from_before_threads_is_a_part_like_any_other() {
        without_pace();
        post();
        let as_before: bool = one(
            "SELECT part = 0 AND answers IS NULL AND content IS NULL AND NOT has_next FROM crier.post_target",
        );
        assert!(as_before);
        assert_eq!(next("published"), "0 hello");
        assert_eq!(one::<i64>("SELECT count(*) FROM crier.jobs"), 1);
    }
}
