//! Which tokens are to be renewed, and what is kept of refreshes.

#[pgrx::pg_schema]
mod tests {
    use crate::in_database_tests::support::*;
    use pgrx::prelude::*;

    const SEALED: &str = "'\\x0101' || decode(repeat('00', 40), 'hex')";
    const ACCOUNT: &str = "current_setting('t.account')::uuid";

    /// The next credential of the fixture's account, with ends from now.
    fn store(generation: i64, expires: &str, refresh_expires: &str) {
        let stored: bool = one(&format!(
            "SELECT crier.store_credential({ACCOUNT}, {generation}, {SEALED}, now() + {expires}::interval,
                                           now() + {refresh_expires}::interval)"
        ));
        assert!(stored);
    }

    fn given() -> i64 {
        one("SELECT count(*) FROM crier.refresh_expiring_tokens()")
    }

    fn is(condition: &str) -> bool {
        one(&format!("SELECT ({condition}) FROM crier.credential"))
    }

    fn make_due() {
        run("UPDATE crier.credential SET refresh_at = clock_timestamp() - interval '1 second'");
    }

    fn begin(generation: i64) -> Option<i64> {
        Spi::get_one(&format!("SELECT crier.begin_refresh({ACCOUNT}, {generation})")).unwrap_or(None)
    }

    fn fail(generation: i64, token: i64, class: &str) {
        run(&format!(
            "SELECT crier.fail_refresh({ACCOUNT}, {generation}, {token}, '{class}', '{{\"message\": \"said\"}}')"
        ));
    }

    #[pg_test]
    fn tokens_are_due_a_quarter_or_a_day_before_their_end() {
        fixture();
        assert!(is("refresh_at IS NULL AND platform = 'bluesky'"), "a token without an end is never due");
        store(2, "'2 hours'", "'90 days'");
        assert!(is("expires_at - refresh_at BETWEEN '29 minutes' AND '46 minutes'"));
        store(3, "'60 days'", "'365 days'");
        assert!(is("expires_at - refresh_at BETWEEN '23 hours' AND '37 hours'"));
        store(4, "'60 days'", "'60 days'");
        assert!(is("expires_at - refresh_at BETWEEN '14 days' AND '23 days'"));
        store(5, "NULL", "'100 days'");
        assert!(is("refresh_expires_at - refresh_at BETWEEN '24 days' AND '38 days'"));
        store(6, "'-1 hour'", "NULL");
        assert!(is("refresh_at BETWEEN now() + interval '50 seconds' AND now() + interval '5 minutes'"));
    }

    #[pg_test]
    fn the_right_to_refresh_is_on_disk_even_where_commits_are_not() {
        fixture();
        run("SET LOCAL synchronous_commit = off");
        assert_eq!(one::<String>("SHOW synchronous_commit"), "off");
        assert_eq!(begin(1), Some(1));
        assert_eq!(one::<String>("SHOW synchronous_commit"), "on");
    }

    #[pg_test]
    fn what_is_due_is_given_once() {
        fixture();
        store(2, "'2 hours'", "NULL");
        assert_eq!(given(), 0);
        make_due();
        assert_eq!(one::<i64>("SELECT count(*) FROM crier.refresh_expiring_tokens(p_platform => 'x')"), 0);
        let first: String = one(
            "SELECT platform || ' ' || external_id || ' ' || handle || ' ' || base_url || ' ' || generation
             FROM crier.refresh_expiring_tokens(1, 'bluesky')",
        );
        assert_eq!(first, "bluesky did:plc:alice alice.test https://pds.example 2");
        assert_eq!(given(), 0);
        assert!(is(
            "refresh_at BETWEEN now() + interval '4 minutes' AND clock_timestamp() + interval '6 minutes'"
        ));
    }

    #[pg_test]
    fn what_can_not_be_renewed_now_is_not_given_and_stands_in_nobodys_way() {
        fixture();
        store(2, "'2 hours'", "'90 days'");
        make_due();
        assert_eq!(begin(2), Some(1));
        assert_eq!(given(), 0, "one that is being renewed");
        assert!(is("refresh_at > refresh_leased_until"));
        fail(2, 1, "transient");
        assert_eq!(given(), 0, "one that failed just now");
        make_due();
        run("UPDATE crier.social_account SET status = 'paused'");
        assert_eq!(given(), 0, "one that is paused");
        assert!(is("refresh_at > now() + interval '50 minutes'"));
        run("UPDATE crier.social_account SET status = 'active'");
        for (scope, arguments) in [
            ("all", ""),
            ("kind", "kind => 'refresh_token'"),
            ("platform", "platform => 'bluesky'"),
            ("account", "account_id => current_setting('t.account')::uuid"),
            ("workspace", "workspace_id => current_setting('t.ws')::uuid"),
        ] {
            make_due();
            run(&format!("SELECT crier.pause_jobs({arguments})"));
            assert_eq!(given(), 0, "{scope}");
            run(&format!("SELECT crier.resume_jobs({arguments})"));
        }
        make_due();
        assert_eq!(given(), 1, "the positive control");
        // one that is paused keeps its grant
        run("UPDATE crier.social_account SET status = 'paused'");
        run("UPDATE crier.credential SET refresh_expires_at = now() + interval '6 days'");
        make_due();
        assert_eq!(given(), 1);
        for status in ["reauth_required", "disconnected"] {
            make_due();
            run(&format!("UPDATE crier.social_account SET status = '{status}'"));
            assert_eq!(given(), 0, "{status}");
            assert!(is("refresh_at IS NULL"), "{status}");
        }
    }

    #[pg_test]
    fn many_that_can_not_be_renewed_hide_none_that_can() {
        fixture();
        store(2, "'2 hours'", "NULL");
        run("INSERT INTO crier.social_account (workspace_id, id, platform, external_id, handle, base_url, status)
             SELECT current_setting('t.ws')::uuid, md5(n::text)::uuid, 'bluesky', 'did:' || n, 'h', 'https://p', 'paused'
             FROM generate_series(1, 50) AS n");
        run(&format!(
            "INSERT INTO crier.credential (workspace_id, account_id, generation, sealed, platform, refresh_at)
             SELECT workspace_id, id, 1, {SEALED}, platform, now() - interval '1 hour' FROM crier.social_account
             WHERE status = 'paused'"
        ));
        run("UPDATE crier.credential SET refresh_at = now() - interval '1 minute' WHERE generation = 2");
        let found: i64 = one("SELECT count(*) FROM crier.refresh_expiring_tokens(10)");
        assert_eq!(found, 1);
    }

    #[pg_test]
    fn a_copy_is_given_nothing_and_has_no_name() {
        fixture();
        store(2, "'2 hours'", "NULL");
        make_due();
        let before: String = one("SELECT (crier.installation_ids())[1]");
        run("UPDATE crier.installation SET system_identifier = '1'");
        assert_eq!(one::<i32>("SELECT cardinality(crier.installation_ids())"), 0);
        assert_eq!(given(), 0);
        for _ in 0..3 {
            run("SELECT crier.adopt_database()");
        }
        let after: Vec<String> = one("SELECT crier.installation_ids()");
        assert_eq!(after.len(), 2, "{after:?}");
        assert_eq!(after[0], before);
        assert!(after[1].starts_with("1/"), "{after:?}");
        assert_eq!(given(), 1);
    }

    #[pg_test]
    fn a_refresh_without_a_word_is_unclear_until_one_succeeds() {
        fixture();
        store(2, "'2 hours'", "NULL");
        let unclear = || {
            one::<bool>(&format!(
                "SELECT refresh_unclear_for IS NOT NULL FROM crier.get_credential({ACCOUNT})"
            ))
        };
        let lapse = || run("UPDATE crier.credential SET refresh_leased_until = now() - interval '1 second'");
        assert_eq!((begin(2), unclear()), (Some(1), false), "it is under way");
        lapse();
        assert!(unclear(), "its lease ended without a word");
        assert_eq!((begin(2), unclear()), (Some(2), true), "another one does not make that clear");
        let until = format!("SELECT crier.defer_refresh({ACCOUNT}, 2, 2, now() + interval '1 hour')");
        assert!(one::<bool>(&until) && unclear());
        assert!(!one::<bool>(&until), "once");
        assert!(is("refresh_at = now() + interval '1 hour' AND refresh_failures = 0"));
        assert_eq!(begin(2), Some(3));
        fail(2, 3, "transient");
        assert!(unclear(), "nothing was sent this time");
        store(3, "'2 hours'", "NULL");
        assert!(!unclear());
        assert_eq!(begin(3), Some(4));
        fail(3, 4, "rate_limited");
        assert!(!unclear(), "a clear answer");
        assert_eq!(begin(3), Some(5));
        fail(3, 5, "outcome_unknown");
        assert!(unclear());
        // one under which nothing was sent, and one that was put off for ever
        store(4, "'2 hours'", "NULL");
        assert_eq!(begin(4), Some(6));
        assert!(one::<bool>(&format!("SELECT crier.defer_refresh({ACCOUNT}, 4, 6, NULL)")));
        assert!(!unclear() && is("refresh_at IS NULL"));
    }

    #[pg_test]
    fn failures_wait_longer_and_are_told_once() {
        fixture();
        store(2, "'2 hours'", "NULL");
        let mut waits = Vec::new();
        for token in 1..=4 {
            assert_eq!(begin(2), Some(token));
            fail(2, token, "transient");
            waits.push(one::<f64>(
                "SELECT extract(epoch FROM refresh_at - clock_timestamp())::float8 / 60 FROM crier.credential",
            ));
        }
        for (wait, least) in waits.iter().zip([1.0, 2.0, 4.0, 8.0]) {
            assert!((least - 0.1..=least * 1.5).contains(wait), "{waits:?}");
        }
        run("UPDATE crier.credential SET refresh_failures = 1000000");
        assert_eq!(begin(2), Some(5));
        fail(2, 5, "config");
        assert!(is("refresh_at BETWEEN now() + interval '5 hours' AND now() + interval '10 hours'"));
        let told: String = one(
            "SELECT string_agg(payload ->> 'class', ' ' ORDER BY id) FROM crier.events WHERE kind = 'token_refresh_failed'",
        );
        assert_eq!(told, "transient config");
        let until = "'2 days'";
        assert_eq!(begin(2), Some(6));
        run(&format!(
            "SELECT crier.fail_refresh({ACCOUNT}, 2, 6, 'rate_limited', '{{}}', now() + interval {until})"
        ));
        assert!(is("refresh_at >= now() + interval '2 days'"));
    }

    #[pg_test]
    fn an_account_says_why_it_needs_a_login() {
        fixture();
        store(2, "'2 hours'", "NULL");
        assert_eq!(begin(2), Some(1));
        fail(2, 1, "auth_revoked");
        let shown =
            || one::<String>("SELECT status || ' ' || coalesce(status_reason, '-') FROM crier.accounts");
        assert_eq!(shown(), "reauth_required said");
        let told: String =
            one("SELECT payload ->> 'needs_login' FROM crier.events WHERE kind = 'token_refresh_failed'");
        assert_eq!(told, "true");
        assert!(is("refresh_at IS NULL"));
        store(3, "'2 hours'", "NULL");
        assert_eq!(shown(), "active -");
        // a paused one stays paused, and says it too
        run("UPDATE crier.social_account SET status = 'paused'");
        assert_eq!(begin(3), Some(2));
        fail(3, 2, "auth_revoked");
        assert_eq!(shown(), "paused said");
        store(4, "'2 hours'", "NULL");
        assert_eq!(shown(), "paused -");
    }

    #[pg_test]
    fn hostile_arguments_of_refreshes_are_refused() {
        fixture();
        for (call, state) in [
            ("crier.refresh_expiring_tokens(NULL)", "22004"),
            ("crier.refresh_expiring_tokens(0)", "22023"),
            ("crier.refresh_expiring_tokens(-1)", "22023"),
            ("crier.refresh_expiring_tokens(1001)", "22023"),
            ("crier.refresh_expiring_tokens(2147483647)", "22023"),
            ("crier.refresh_expiring_tokens(1, 'friendster')", "22023"),
            ("crier.refresh_expiring_tokens(1, '')", "22023"),
            ("crier.refresh_expiring_tokens(1, repeat('x', 1000000))", "22023"),
            ("crier.defer_refresh(NULL, 1, 1, now())", "22004"),
            ("crier.defer_refresh(current_setting('t.account')::uuid, NULL, 1, now())", "22004"),
            ("crier.defer_refresh(current_setting('t.account')::uuid, 1, NULL, now())", "22004"),
            ("crier.defer_refresh(current_setting('t.account')::uuid, 1, 1, 'infinity')", "22023"),
            ("crier.defer_refresh(current_setting('t.account')::uuid, 1, 1, '-infinity')", "22023"),
            (
                "crier.fail_refresh(current_setting('t.account')::uuid, 1, 1, 'transient', '{}', 'infinity')",
                "22023",
            ),
        ] {
            assert_eq!(refused(&format!("SELECT {call}"))[0], state, "{call}");
        }
        let nobody: bool = one("SELECT NOT crier.defer_refresh(crier.new_id(), 1, 1, now())");
        assert!(nobody, "another account and one that is not there are answered alike");
    }
}
