//! Posts: what is accepted, what is refused, and what can be read.

#[pgrx::pg_schema]
mod tests {
    use crate::in_database_tests::support::*;
    use pgrx::prelude::*;

    /// A call of `create_post` with one argument replaced.
    fn create(arguments: &str) -> String {
        format!("SELECT crier.create_post({arguments})")
    }

    const WS: &str = "current_setting('t.ws')::uuid";
    const ACCOUNTS: &str = "ARRAY[current_setting('t.account')::uuid]";

    #[pg_test]
    fn a_post_has_a_target_and_a_job_per_account() {
        fixture();
        post();
        let job: String = one("SELECT j.kind || ' ' || j.platform || ' ' || j.max_attempts FROM crier.jobs j
                               JOIN crier.post_target t ON t.job_id = j.id WHERE j.params ->> 'target_id' = t.id::text");
        assert_eq!(job, "publish_post bluesky 5");
        assert_eq!(
            one::<String>("SELECT crier.get_post(current_setting('t.post')::uuid) ->> 'state'"),
            "scheduled"
        );
        assert_eq!(one::<String>("SELECT state FROM crier.posts"), "scheduled");
    }

    #[pg_test]
    fn what_a_platform_would_refuse_is_refused_at_once_and_leaves_nothing() {
        fixture();
        for (arguments, state, message) in [
            (format!("{WS}, repeat('a', 301), {ACCOUNTS}"), "22023", "301 graphemes"),
            (format!("{WS}, repeat('👨‍👩‍👧‍👧', 121), {ACCOUNTS}"), "22023", "3025 bytes"),
            (format!("{WS}, '', {ACCOUNTS}"), "22023", "neither text nor media"),
            (format!("{WS}, repeat('a', 300000), {ACCOUNTS}"), "54000", "content has 300000 bytes"),
            (format!("{WS}, 'x', '{{}}'::uuid[]"), "22023", "accounts must not be empty"),
            (format!("{WS}, 'x', {ACCOUNTS} || {ACCOUNTS}"), "22023", "twice"),
            (format!("{WS}, 'x', ARRAY[NULL]::uuid[]"), "22023", "element 1 of accounts"),
            (format!("{WS}, 'x', ARRAY[crier.new_id()]"), "P0002", "there is no account"),
            (format!("crier.new_id(), 'x', {ACCOUNTS}"), "P0002", "there is no workspace"),
            (format!("NULL, 'x', {ACCOUNTS}"), "22004", "workspace_id"),
            (format!("{WS}, NULL, {ACCOUNTS}"), "22004", "content"),
            (format!("{WS}, 'x', NULL"), "22004", "accounts"),
            (format!("{WS}, 'x', {ACCOUNTS}, NULL"), "22004", "scheduled_at"),
            (format!("{WS}, 'x', {ACCOUNTS}, 'infinity'"), "22023", "scheduled_at is infinite"),
            (format!("{WS}, 'x', {ACCOUNTS}, now() - interval '2 days'"), "22023", "in the past"),
            (format!("{WS}, 'x', {ACCOUNTS}, now() + interval '9 years'"), "22023", "five years ahead"),
            (format!("{WS}, 'x', {ACCOUNTS}, media => '{{}}'"), "22023", "media must be an array"),
            (
                format!("{WS}, 'x', {ACCOUNTS}, media => '[{{\"url\": \"http://x/y.png\"}}]'"),
                "22023",
                "image 1",
            ),
            (
                format!("{WS}, 'x', {ACCOUNTS}, media => '[{{\"url\": \"data:text/html;base64,AAAA\"}}]'"),
                "22023",
                "text/html",
            ),
            (
                format!("{WS}, 'x', {ACCOUNTS}, media => '{{\"$serde_json::private::RawValue\": \"[]\"}}'"),
                "22023",
                "media has a reserved key",
            ),
            (format!("{WS}, 'x', {ACCOUNTS}, settings => '[]'"), "22023", "settings must be a JSON object"),
            (format!("{WS}, 'x', {ACCOUNTS}, settings => '{{\"friendster\": {{}}}}'"), "22023", "friendster"),
            (
                format!("{WS}, 'x', {ACCOUNTS}, settings => '{{\"bluesky\": {{\"langs\": [1]}}}}'"),
                "22023",
                "settings for bluesky",
            ),
        ] {
            let [found, text, detail, hint] = refused(&create(&arguments));
            assert_eq!(found, state, "{arguments}: {text}");
            assert!(text.contains(message), "{arguments}: {text}");
            assert!(!detail.is_empty() && !hint.is_empty(), "{arguments}: {detail} / {hint}");
        }
        let rows: i64 = one("SELECT (SELECT count(*) FROM crier.post) + (SELECT count(*) FROM crier.job)");
        assert_eq!(rows, 0);
    }

    #[pg_test]
    fn an_account_that_needs_a_login_is_named() {
        fixture();
        run("SELECT crier.begin_refresh(current_setting('t.account')::uuid, 1)");
        run("SELECT crier.fail_refresh(current_setting('t.account')::uuid, 1, 1, 'auth_revoked', '{}')");
        let [state, message, detail, hint] = refused(&create(&format!("{WS}, 'x', {ACCOUNTS}")));
        assert_eq!((state.as_str(), detail.as_str()), ("22023", "account_unusable"));
        assert!(message.contains("needs a new login") && hint.contains("account add"), "{message} / {hint}");
    }

    #[pg_test]
    fn a_canceled_post_is_not_published() {
        fixture();
        post();
        assert_eq!(
            one::<String>("SELECT state FROM crier.cancel_post(current_setting('t.post')::uuid)"),
            "canceled"
        );
        assert_eq!(one::<i64>("SELECT count(*) FROM crier.claim_jobs('w')"), 0);
        assert_eq!(one::<String>("SELECT state FROM crier.posts"), "canceled");
        assert_eq!(one::<String>("SELECT state FROM crier.jobs"), "canceled");
    }

    #[pg_test]
    fn a_post_nobody_has_is_not_found() {
        fixture();
        for call in ["crier.get_post(crier.new_id())", "crier.cancel_post(crier.new_id())"] {
            assert_eq!(refused(&format!("SELECT {call}"))[0], "P0002", "{call}");
        }
        assert_eq!(refused("SELECT crier.get_post(NULL)")[0], "22004");
        assert_eq!(refused("SELECT crier.post_state(ARRAY['sent'])")[0], "22023");
    }
}
