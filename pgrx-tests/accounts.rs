//! Accounts and their sealed credentials.

#[pgrx::pg_schema]
mod tests {
    use crate::in_database_tests::support::*;
    use pgrx::prelude::*;

    const SEALED: &str = "'\\x0101' || decode(repeat('00', 40), 'hex')";

    fn store(generation: i64) -> bool {
        one(&format!(
            "SELECT crier.store_credential(current_setting('t.account')::uuid, {generation}, {SEALED})"
        ))
    }

    #[pg_test]
    fn connecting_again_keeps_the_id_and_counts_up_the_generation() {
        fixture();
        let again: bool = one("SELECT account_id = current_setting('t.account')::uuid AND generation = 2
            FROM crier.connect_account(current_setting('t.ws')::uuid, 'bluesky', 'did:plc:alice', 'new.test', 'https://p')");
        assert!(again);
        assert_eq!(one::<String>("SELECT handle || ' ' || status FROM crier.accounts"), "new.test active");
    }

    #[pg_test]
    fn only_the_next_generation_is_stored() {
        fixture();
        assert_eq!([store(1), store(3), store(2), store(2)], [false, false, true, false]);
        assert_eq!(
            one::<i64>("SELECT generation FROM crier.get_credential(current_setting('t.account')::uuid)"),
            2
        );
        assert_eq!(one::<i64>("SELECT count(*) FROM crier.events WHERE kind = 'token_refreshed'"), 1);
    }

    #[pg_test]
    fn one_refresh_at_a_time() {
        fixture();
        let begin = |generation| {
            Spi::get_one::<i64>(&format!(
                "SELECT crier.begin_refresh(current_setting('t.account')::uuid, {generation})"
            ))
            .unwrap_or(None)
        };
        assert_eq!([begin(2), begin(1), begin(1)], [None, Some(1), None]);
        run(
            "SELECT crier.fail_refresh(current_setting('t.account')::uuid, 1, 1, 'transient', '{\"message\": \"m\"}')",
        );
        assert_eq!(one::<String>("SELECT status FROM crier.accounts"), "active");
        assert_eq!(begin(1), Some(2));
        // What is said about the first lease no longer ends the second.
        run(
            "SELECT crier.fail_refresh(current_setting('t.account')::uuid, 1, 1, 'auth_revoked', '{\"message\": \"m\"}')",
        );
        assert_eq!(begin(1), None);
        assert_eq!(one::<String>("SELECT status FROM crier.accounts"), "active");
        assert!(store(2));
        assert_eq!(begin(2), Some(3));
    }

    #[pg_test]
    fn only_a_revoked_grant_asks_for_a_new_login() {
        fixture();
        run("SELECT crier.begin_refresh(current_setting('t.account')::uuid, 1)");
        run("SELECT crier.fail_refresh(current_setting('t.account')::uuid, 7, 1, 'auth_revoked', '{}')");
        assert_eq!(
            one::<String>("SELECT status FROM crier.accounts"),
            "active",
            "an old generation changes nothing"
        );
        run("SELECT crier.fail_refresh(current_setting('t.account')::uuid, 1, 1, 'auth_revoked', '{}')");
        assert_eq!(one::<String>("SELECT status FROM crier.accounts"), "reauth_required");
        assert!(store(2));
        assert_eq!(one::<String>("SELECT status FROM crier.accounts"), "active");
    }

    #[pg_test]
    fn clear_text_is_not_stored_and_not_repeated() {
        fixture();
        let [state, message, ..] = refused(
            "SELECT crier.store_credential(current_setting('t.account')::uuid, 2, convert_to(repeat('secret-token', 5), 'UTF8'))",
        );
        assert_eq!(state, "22023");
        assert!(!message.contains("secret"), "{message}");
    }

    #[pg_test]
    fn hostile_arguments_are_refused() {
        fixture();
        for (call, state) in [
            (
                "crier.connect_account(current_setting('t.ws')::uuid, 'friendster', 'x', 'x', 'https://x')",
                "22023",
            ),
            (
                "crier.connect_account(current_setting('t.ws')::uuid, 'bluesky', ' ', 'x', 'https://x')",
                "22023",
            ),
            (
                "crier.connect_account(current_setting('t.ws')::uuid, 'bluesky', 'x', 'x', 'file:///x')",
                "22023",
            ),
            ("crier.connect_account(crier.new_id(), 'bluesky', 'x', 'x', 'https://x')", "P0002"),
            ("crier.connect_account(NULL, 'bluesky', 'x', 'x', 'https://x')", "22004"),
            (
                "crier.store_credential(crier.new_id(), 1, '\\x0101' || decode(repeat('00', 40), 'hex'))",
                "P0002",
            ),
            (
                "crier.store_credential(current_setting('t.account')::uuid, 0, '\\x0101' || decode(repeat('00', 40), 'hex'))",
                "22023",
            ),
            (
                "crier.store_credential(current_setting('t.account')::uuid, 2, decode(repeat('00', 70000), 'hex'))",
                "54000",
            ),
            ("crier.get_credential(crier.new_id())", "P0002"),
            ("crier.begin_refresh(current_setting('t.account')::uuid, 1, '-1 second')", "22023"),
            ("crier.fail_refresh(current_setting('t.account')::uuid, 1, 1, 'bad', '{}')", "22023"),
        ] {
            assert_eq!(refused(&format!("SELECT {call}"))[0], state, "{call}");
        }
    }
}
