//! The publish state machine as the sidecar drives it.

#[pgrx::pg_schema]
mod tests {
    use crate::in_database_tests::support::*;
    use pgrx::prelude::*;

    const MINE: &str = "current_setting('t.job')::uuid, current_setting('t.token')::bigint";
    const MINE_ARRAYS: &str =
        "ARRAY[current_setting('t.job')::uuid], ARRAY[current_setting('t.token')::bigint]";

    fn start() -> Option<String> {
        Spi::get_one(&format!("SELECT state FROM crier.start_target({MINE})")).unwrap_or(None)
    }

    fn intent(key: &str, request: &str) -> Option<String> {
        let sql = format!(
            "SELECT platform_key || ' ' || request FROM crier.record_intent({MINE}, '{key}', '{request}')"
        );
        Spi::get_one(&sql).unwrap_or(None)
    }

    fn report(outcome: &str) -> String {
        one(&format!(
            "SELECT target_state || ' ' || job_status FROM crier.report_targets({MINE_ARRAYS}, ARRAY['{outcome}'],
             ARRAY['{{\"message\": \"m\", \"external_id\": \"at://x\", \"url\": \"https://x\"}}'::jsonb])"
        ))
    }

    fn begin() {
        fixture();
        post();
        claim();
        assert_eq!(start().as_deref(), Some("preparing"));
    }

    #[pg_test]
    fn a_post_goes_from_prepare_over_intent_to_published() {
        begin();
        assert!(one::<bool>(&format!("SELECT crier.save_prepared({MINE}, '{{\"blobs\": []}}')")));
        assert_eq!(intent("key", "{}").as_deref(), Some("key {}"));
        assert_eq!(target_state(), "committing");
        assert_eq!(report("published"), "published completed");
        let events: String = one("SELECT string_agg(kind, ',') FROM crier.events WHERE kind LIKE 'post%'");
        assert_eq!(events, "post_published");
        let url: String = one("SELECT crier.get_post(current_setting('t.post')::uuid) #>> '{targets,0,url}'");
        assert_eq!(url, "https://x");
    }

    #[pg_test]
    fn an_intent_is_on_disk_even_where_commits_are_not() {
        fixture();
        run("SET LOCAL synchronous_commit = off");
        post();
        claim();
        start();
        assert_eq!(one::<String>("SHOW synchronous_commit"), "off");
        intent("key", "{}");
        assert_eq!(one::<String>("SHOW synchronous_commit"), "on");
    }

    #[pg_test]
    fn the_first_key_and_request_are_kept() {
        begin();
        assert_eq!(intent("first", "{\"n\": 1}").as_deref(), Some("first {\"n\": 1}"));
        assert_eq!(intent("second", "{\"n\": 2}").as_deref(), Some("first {\"n\": 1}"));
    }

    #[pg_test]
    fn an_intent_of_which_nothing_came_can_be_forgotten() {
        begin();
        let withdraw = || one::<bool>(&format!("SELECT crier.withdraw_intent({MINE})"));
        assert!(!withdraw(), "nothing is to be sent");
        assert!(one::<bool>(&format!("SELECT crier.save_prepared({MINE}, '{{\"media\": []}}')")));
        intent("first", "{}");
        assert!(withdraw());
        assert_eq!(target_state(), "preparing");
        let kept = "SELECT count(*) FROM crier.post_target WHERE prepared IS NULL AND intent_at IS NULL";
        assert_eq!(one::<i64>(kept), 1);
        assert_eq!(intent("second", "{\"n\": 2}").as_deref(), Some("second {\"n\": 2}"));
        assert_eq!(report("published"), "published completed");
        assert!(!withdraw(), "what is published stays so");
    }

    #[pg_test]
    fn a_lost_lease_after_the_intent_is_unknown_and_never_queued() {
        begin();
        intent("key", "{}");
        lapse_leases();
        claim();
        assert_eq!(target_state(), "unknown");
        assert_eq!(start().as_deref(), Some("unknown"));
        assert_eq!(report("transient"), "unknown retrying");
        assert_eq!(target_state(), "unknown");
    }

    #[pg_test]
    fn a_lost_lease_before_the_intent_starts_over() {
        begin();
        lapse_leases();
        claim();
        assert_eq!(target_state(), "queued");
        assert_eq!(start().as_deref(), Some("preparing"));
    }

    #[pg_test]
    fn what_may_be_out_is_looked_for_beyond_the_last_attempt() {
        begin();
        intent("key", "{}");
        for _ in 0..6 {
            lapse_leases();
            claim();
            assert_eq!(start().as_deref(), Some("unknown"));
        }
        assert_eq!(report("outcome_unknown"), "unknown retrying");
        make_due();
        claim();
        assert_eq!(start().as_deref(), Some("unknown"));
        assert_eq!(report("published"), "published completed");
    }

    #[pg_test]
    fn a_post_whose_account_needs_a_login_is_kept_until_it_has_one() {
        begin();
        for _ in 0..9 {
            assert_eq!(report("auth_revoked"), "queued retrying");
            make_due();
            claim();
            start();
        }
        report("auth_revoked");
        assert_eq!(one::<i64>("SELECT count(*) FROM crier.claim_jobs('w')"), 0);
        run(
            "SELECT crier.store_credential(current_setting('t.account')::uuid, 2, '\\x0101' || decode(repeat('00', 40), 'hex'))",
        );
        claim();
        assert_eq!(start().as_deref(), Some("preparing"));
    }

    #[pg_test]
    fn an_outcome_that_never_becomes_clear_waits_for_a_person() {
        begin();
        intent("key", "{}");
        for _ in 0..9 {
            assert_eq!(report("outcome_unknown"), "unknown retrying");
            make_due();
            claim();
            start();
        }
        assert_eq!(report("outcome_unknown"), "unconfirmed failed");
        assert_eq!(one::<String>("SELECT state FROM crier.posts"), "unconfirmed");
    }

    /// A target that only a person can say anything about.
    fn unconfirmed() {
        begin();
        // so many unclear answers would have everything wait for the platform
        run("UPDATE crier.platform_policy SET breaker_failures = NULL");
        intent("key", "{}");
        for _ in 0..9 {
            report("outcome_unknown");
            make_due();
            claim();
            start();
        }
        report("outcome_unknown");
        run("SELECT set_config('t.target', id::text, true) FROM crier.post_target");
    }

    fn resolve(what: &str) -> [String; 4] {
        refused(&format!("SELECT crier.resolve_target(current_setting('t.target')::uuid, {what})"))
    }

    #[pg_test]
    fn a_person_says_that_a_post_is_there() {
        unconfirmed();
        let state: String = one(
            "SELECT crier.resolve_target(current_setting('t.target')::uuid, 'published', 'https://x.example/1')",
        );
        assert_eq!((state.as_str(), target_state().as_str()), ("published", "published"));
        assert_eq!(one::<String>("SELECT url FROM crier.post_target"), "https://x.example/1");
        assert_eq!(one::<i64>("SELECT count(*) FROM crier.events WHERE kind = 'post_published'"), 1);
        assert_eq!(one::<i64>("SELECT count(*) FROM crier.claim_jobs('w')"), 0);
        assert!(resolve("'absent'")[1].contains("is published, not unconfirmed"));
    }

    #[pg_test]
    fn what_a_person_says_is_absent_begins_again_with_its_key() {
        unconfirmed();
        let state: String = one("SELECT crier.resolve_target(current_setting('t.target')::uuid, 'absent')");
        assert_eq!((state.as_str(), target_state().as_str()), ("queued", "queued"));
        assert_eq!(one::<String>("SELECT state || ' ' || attempt FROM crier.jobs"), "retrying 0");
        assert_eq!(one::<String>("SELECT platform_key || ' ' || request FROM crier.post_target"), "key {}");
    }

    #[pg_test]
    fn a_persons_word_counts_only_where_nobody_else_knows() {
        begin();
        run("SELECT set_config('t.target', id::text, true) FROM crier.post_target");
        for what in ["'published'", "'absent'"] {
            assert!(resolve(what)[1].contains("is preparing, not unconfirmed"));
        }
        for what in [
            "'gone'",
            "''",
            "'absent', 'https://x.example'",
            "'published', 'javascript:1'",
            "'published', ''",
        ] {
            assert_eq!(resolve(what)[0], "22023", "{what}");
        }
        assert_eq!(refused("SELECT crier.resolve_target(crier.new_id(), 'absent')")[0], "P0002");
    }

    #[pg_test]
    fn a_refusal_by_the_platform_fails_the_target() {
        begin();
        intent("key", "{}");
        assert_eq!(report("content_invalid"), "failed failed");
        let class: String =
            one("SELECT crier.get_post(current_setting('t.post')::uuid) #>> '{targets,0,error,class}'");
        assert_eq!(class, "content_invalid");
        assert_eq!(
            one::<String>("SELECT payload ->> 'state' FROM crier.events WHERE kind = 'post_publish_failed'"),
            "failed"
        );
    }

    #[pg_test]
    fn nothing_is_sent_after_a_cancel_and_nothing_canceled_after_the_intent() {
        begin();
        assert_eq!(
            one::<String>("SELECT state FROM crier.cancel_post(current_setting('t.post')::uuid)"),
            "canceled"
        );
        assert_eq!(intent("key", "{}"), None);
        post();
        claim();
        start();
        intent("key", "{}");
        assert_eq!(
            one::<String>("SELECT state FROM crier.cancel_post(current_setting('t.post')::uuid)"),
            "committing"
        );
        let canceled: i64 =
            one("SELECT count(*) FROM crier.cancel_jobs(ARRAY[current_setting('t.job')::uuid])");
        assert_eq!((canceled, target_state()), (0, "committing".to_owned()));
    }

    #[pg_test]
    fn a_doubt_about_an_earlier_send_is_not_canceled_away() {
        begin();
        intent("key", "{}");
        lapse_leases();
        claim();
        assert_eq!(start().as_deref(), Some("unknown"));
        // proven absent, and sent again: a refusal of that tells nothing about the first send
        intent("key", "{}");
        assert_eq!(report("transient"), "unknown retrying");
        for stored in ["unknown", "queued", "preparing"] {
            run(&format!("UPDATE crier.post_target SET state = '{stored}'"));
            let state: String = one("SELECT state FROM crier.cancel_post(current_setting('t.post')::uuid)");
            let jobs: i64 =
                one("SELECT count(*) FROM crier.cancel_jobs(ARRAY[current_setting('t.job')::uuid])");
            assert_eq!((state.as_str(), jobs, target_state().as_str()), ("unknown", 0, stored));
        }
        make_due();
        claim();
        assert_eq!(start().as_deref(), Some("preparing"));
        lapse_leases();
        claim();
        assert_eq!(start().as_deref(), Some("unknown"), "expected the doubt to outlast a lost lease");
        run("UPDATE crier.post_target SET state = 'preparing'");
        run(&format!("SELECT crier.fail_jobs({MINE_ARRAYS}, '{{config}}', ARRAY['{{}}'::jsonb])"));
        assert_eq!(target_state(), "unconfirmed");
    }

    #[pg_test]
    fn a_look_that_has_to_wait_uses_up_no_attempt_and_leaves_the_doubt() {
        let of_look = |class: &str| -> String {
            one(&format!(
                "SELECT target_state || ' ' || job_status FROM crier.report_targets({MINE_ARRAYS}, ARRAY['{class}'],
                 ARRAY['{{\"may_be_out\": true, \"scope\": \"job\"}}'::jsonb])"
            ))
        };
        begin();
        // sent, and the look after it is limited
        intent("key", "{}");
        for class in ["rate_limited", "quota_exhausted", "auth_revoked"] {
            for _ in 0..5 {
                assert_eq!(of_look(class), "unknown retrying");
                make_due();
                claim();
                assert_eq!(start().as_deref(), Some("unknown"));
            }
        }
        assert_eq!(one::<i32>("SELECT attempt FROM crier.jobs"), 1);
        assert_eq!(report("published"), "published completed");
    }

    #[pg_test]
    fn published_is_final() {
        begin();
        intent("key", "{}");
        report("published");
        run(
            "UPDATE crier.post_target SET job_id = crier.enqueue('publish_post') WHERE post_id = current_setting('t.post')::uuid",
        );
        claim();
        assert_eq!(start().as_deref(), Some("published"));
        assert_eq!(intent("other", "{}"), None);
        assert_eq!(report("content_invalid"), "published failed");
        assert_eq!(target_state(), "published");
    }

    #[pg_test]
    fn a_publish_job_without_a_target_can_publish_nothing() {
        fixture();
        post();
        claim();
        run(
            "SELECT crier.enqueue('publish_post', jsonb_build_object('target_id', id)) FROM crier.post_target",
        );
        claim();
        assert_eq!(start(), None);
        assert_eq!(intent("key", "{}"), None);
    }
}
