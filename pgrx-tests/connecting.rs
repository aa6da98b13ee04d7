//! Logins by OAuth: each step is taken once, in its order.

#[pgrx::pg_schema]
mod tests {
    use crate::in_database_tests::support::*;
    use pgrx::prelude::*;

    const SEALED: &str = "'\\x0202' || decode(repeat('00', 60), 'hex')";

    /// Takes a step; answers with the workspace and whether the user may, or with nothing.
    fn take(stage: &str, secret: &str) -> Option<String> {
        let sql = format!(
            "SELECT (SELECT concat_ws(' ', (workspace_id = current_setting('t.ws')::uuid)::text, allowed::text) \
             FROM crier.take_oauth_state('{stage}', sha256(convert_to({secret}, 'UTF8'))))"
        );
        Spi::get_one::<String>(&sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    fn keep(stage: &str, secret: &str, browser: &str) -> bool {
        one(&format!(
            "SELECT crier.keep_oauth_state(s.workspace_id, s.id, '{stage}', sha256('{secret}'), {SEALED}, {browser}) FROM crier.oauth_state s"
        ))
    }

    fn stage() -> String {
        one("SELECT coalesce((SELECT stage FROM crier.oauth_state), 'none')")
    }

    #[pg_test]
    fn a_login_goes_through_its_stages_and_no_other_way() {
        fixture();
        run(
            "SELECT set_config('t.ticket', crier.begin_connect(current_setting('t.ws')::uuid, 'x', 'https://app.example/'), true)",
        );
        let ticket = "current_setting('t.ticket')";
        assert!(!keep("login", "state", "sha256('b')"), "a ticket that nobody has taken");
        assert_eq!(take("login", ticket), None, "a ticket is no state");
        assert_eq!(take("ticket", ticket).as_deref(), Some("true true"));
        assert_eq!(take("ticket", ticket), None);
        assert!(!keep("choice", "choice", "NULL"));
        assert!(keep("login", "state", "sha256('b')"));
        assert!(!keep("login", "again", "sha256('b')"));
        assert_eq!(take("choice", "'state'"), None);
        assert_eq!(take("login", "'state'").as_deref(), Some("true true"));
        assert_eq!(take("login", "'state'"), None);
        assert_eq!(stage(), "answered");
        assert!(keep("choice", "choice", "NULL"));
        assert_eq!(take("choice", "'choice'").as_deref(), Some("true true"));
        assert_eq!(stage(), "chosen");
        assert_eq!(take("confirmed", "'word'"), None);
        assert!(keep("granted", "word", "NULL"));
        assert!(!keep("granted", "again", "NULL"));
        assert_eq!(take("confirmed", "'word'"), None, "nobody has confirmed it");
        run("SELECT set_config('t.ticket', crier.confirm_connect('word'), true)");
        assert_eq!(stage(), "confirmed");
        assert_eq!(take("confirmed", "'word'"), None);
        assert_eq!(take("confirmed", ticket).as_deref(), Some("true true"));
        assert_eq!(take("confirmed", ticket), None);
        assert_eq!(stage(), "finished");
        run("SELECT crier.end_oauth_state(workspace_id, id) FROM crier.oauth_state");
        assert_eq!(stage(), "none");
    }

    #[pg_test]
    fn one_registers_and_the_others_wait() {
        fixture();
        let begin = |generation: i64, lease: &str| -> Option<i64> {
            let sql = format!(
                "SELECT (SELECT generation FROM crier.begin_app_registration('mastodon', 'https://a.example', 'https://c.example', {generation}, '{lease}'))"
            );
            Spi::get_one::<i64>(&sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
        };
        assert_eq!(begin(0, "1 minute"), Some(1));
        assert_eq!(begin(0, "1 minute"), None);
        assert_eq!(begin(1, "1 minute"), None);
        // of what came to nothing, and of another generation
        run("SELECT crier.release_app_registration(id, 2) FROM crier.app_registration");
        assert_eq!(begin(0, "1 minute"), None);
        run("SELECT crier.release_app_registration(id, 1) FROM crier.app_registration");
        assert_eq!(begin(0, "1 minute"), Some(1));
        run("UPDATE crier.app_registration SET leased_until = now() - interval '1 s'");
        assert_eq!(begin(0, "1 minute"), Some(1));
        let store = |generation: i64| -> bool {
            one(&format!(
                "SELECT crier.store_app_registration(id, {generation}, {SEALED}) FROM crier.app_registration"
            ))
        };
        assert!(!store(2) && store(1) && !store(1));
        assert_eq!(begin(0, "1 minute"), None);
        assert_eq!(begin(1, "1 minute"), Some(2));
        run("SELECT crier.note_app_registration(id, 7, false) FROM crier.app_registration");
        assert!(one::<bool>("SELECT checked_at IS NOT NULL FROM crier.app_registration"));
        run("SELECT crier.note_app_registration(id, 1, false) FROM crier.app_registration");
        assert!(one::<bool>("SELECT checked_at IS NULL FROM crier.app_registration"));
    }
}
