//! What an application user may see and do.

#[pgrx::pg_schema]
mod tests {
    use crate::in_database_tests::support::*;
    use pgrx::prelude::*;

    /// Goes on as an application user with this id.
    fn become_user(user: &str) {
        run("SELECT set_config('role', 'crier_app', true)");
        run(&format!("SELECT set_config('crier.user_id', '{user}', true)"));
    }

    const OWNER: &str = "0193a0c0-0000-7000-8000-000000000001";
    const STRANGER: &str = "0193a0c0-0000-7000-8000-000000000002";

    #[pg_test]
    fn a_member_works_and_a_stranger_sees_nothing() {
        fixture();
        post();
        become_user(OWNER);
        assert_eq!(one::<i64>("SELECT count(*) FROM crier.posts"), 1);
        assert_eq!(one::<i64>("SELECT count(*) FROM crier.jobs"), 1);
        post();
        become_user(STRANGER);
        for view in ["posts", "jobs", "events", "accounts"] {
            assert_eq!(one::<i64>(&format!("SELECT count(*) FROM crier.{view}")), 0, "{view}");
        }
    }

    #[pg_test]
    fn anothers_data_and_none_at_all_answer_the_same() {
        fixture();
        post();
        become_user(STRANGER);
        for (mine, random) in [
            (
                "crier.get_post(current_setting('t.post')::uuid)",
                "crier.get_post('0193a0c0-0000-7000-8000-00000000dead')",
            ),
            (
                "crier.cancel_post(current_setting('t.post')::uuid)",
                "crier.cancel_post('0193a0c0-0000-7000-8000-00000000dead')",
            ),
            (
                "crier.create_post(current_setting('t.ws')::uuid, 'x', ARRAY[current_setting('t.account')::uuid])",
                "crier.create_post('0193a0c0-0000-7000-8000-00000000dead', 'x', ARRAY[current_setting('t.account')::uuid])",
            ),
            (
                "crier.enqueue('a', workspace_id => current_setting('t.ws')::uuid)",
                "crier.enqueue('a', workspace_id => '0193a0c0-0000-7000-8000-00000000dead')",
            ),
        ] {
            let hide = |refusal: [String; 4]| {
                refusal
                    .map(|text| text.split(' ').filter(|word| word.len() != 36).collect::<Vec<_>>().join(" "))
            };
            let (found, none) =
                (hide(refused(&format!("SELECT {mine}"))), hide(refused(&format!("SELECT {random}"))));
            assert_eq!(found, none, "{mine}");
            assert_eq!(found[0], "P0002", "{mine}");
        }
        assert_eq!(one::<i64>("SELECT count(*) FROM crier.cancel_jobs(ARRAY[crier.new_id()])"), 0);
    }

    #[pg_test]
    fn a_viewer_reads_and_does_not_write() {
        fixture();
        post();
        run(&format!(
            "INSERT INTO crier.workspace_member VALUES (current_setting('t.ws')::uuid, '{STRANGER}', 'viewer')"
        ));
        become_user(STRANGER);
        assert_eq!(one::<i64>("SELECT count(*) FROM crier.posts"), 1);
        let [state, message, ..] = refused("SELECT crier.cancel_post(current_setting('t.post')::uuid)");
        assert_eq!(state, "42501", "{message}");
        let canceled: i64 =
            one("SELECT count(*) FROM crier.cancel_jobs((SELECT array_agg(id) FROM crier.jobs))");
        assert_eq!(canceled, 0);
    }

    #[pg_test]
    fn nobody_acts_in_anothers_name() {
        fixture();
        become_user(OWNER);
        for call in [
            format!(
                "crier.create_post(current_setting('t.ws')::uuid, 'x', ARRAY[current_setting('t.account')::uuid], author_id => '{STRANGER}')"
            ),
            format!(
                "crier.enqueue('a', workspace_id => current_setting('t.ws')::uuid, user_id => '{STRANGER}')"
            ),
        ] {
            assert_eq!(refused(&format!("SELECT {call}"))[0], "42501", "{call}");
        }
        post();
        assert!(one::<bool>(&format!("SELECT author_id = '{OWNER}' FROM crier.posts")));
    }

    #[pg_test]
    fn an_index_or_a_materialized_view_acts_for_nobody() {
        fixture();
        post();
        run("CREATE ROLE tenant LOGIN IN ROLE crier_app");
        run("CREATE SCHEMA trap AUTHORIZATION tenant");
        run("SELECT set_config('role', 'tenant', true)");
        run("CREATE TABLE trap.bait (id uuid)");
        run(
            "CREATE FUNCTION trap.spring(id uuid) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
             $$ BEGIN PERFORM crier.cancel_post(id); RETURN 'sprung'; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$",
        );
        run("INSERT INTO trap.bait VALUES (current_setting('t.post')::uuid)");
        run("CREATE INDEX ON trap.bait (trap.spring(id))");
        run("SELECT set_config('role', 'none', true)");
        run("ANALYZE trap.bait");
        assert_eq!(target_state(), "scheduled");
        run("REINDEX TABLE trap.bait");
        assert_eq!(target_state(), "scheduled");
    }

    #[pg_test]
    fn an_application_user_stays_below_the_operators_own_work() {
        fixture();
        become_user(OWNER);
        for (call, state) in [
            ("crier.enqueue('publish_post', workspace_id => current_setting('t.ws')::uuid)", "42501"),
            ("crier.enqueue('publish_comment', workspace_id => current_setting('t.ws')::uuid)", "42501"),
            ("crier.enqueue('a', workspace_id => current_setting('t.ws')::uuid, priority => 101)", "22023"),
            ("crier.enqueue('a')", "22004"),
        ] {
            assert_eq!(refused(&format!("SELECT {call}"))[0], state, "{call}");
        }
    }

    #[pg_test]
    fn a_worker_function_is_not_for_application_users() {
        fixture();
        become_user(OWNER);
        for call in [
            "crier.claim_jobs('w')",
            "crier.get_credential(current_setting('t.account')::uuid)",
            "crier.migrate()",
            "crier.adopt_database()",
        ] {
            assert_eq!(refused(&format!("SELECT {call}"))[0], "42501", "{call}");
        }
        for table in ["crier.credential", "crier.installation", "crier.migration"] {
            assert_eq!(refused(&format!("SELECT * FROM {table}"))[0], "42501", "{table}");
        }
    }

    #[pg_test]
    fn claims_name_the_user_and_win_over_the_setting() {
        fixture();
        become_user(STRANGER);
        run(&format!("SELECT set_config('request.jwt.claims', '{{\"sub\": \"{OWNER}\"}}', true)"));
        assert_eq!(one::<i64>("SELECT cardinality(crier.my_workspace_ids())::bigint"), 1);
        run("SELECT set_config('request.jwt.claims', '{\"role\": \"anon\"}', true)");
        assert_eq!(one::<i64>("SELECT cardinality(crier.my_workspace_ids())::bigint"), 0);
        run("SELECT set_config('request.jwt.claims', 'nonsense', true)");
        assert_eq!(refused("SELECT crier.my_workspace_ids()")[0], "22023");
    }

    #[pg_test]
    fn a_workspace_is_made_for_oneself_only() {
        fixture();
        become_user(STRANGER);
        assert_eq!(refused(&format!("SELECT crier.create_workspace('x', '{OWNER}')"))[0], "42501");
        run(&format!("SELECT crier.create_workspace('x', '{STRANGER}')"));
        for (arguments, state) in [
            (format!("NULL, '{STRANGER}'"), "22004"),
            ("'x', NULL".to_owned(), "22004"),
            (format!("' ', '{STRANGER}'"), "22023"),
            (format!("repeat('x', 201), '{STRANGER}'"), "54000"),
        ] {
            assert_eq!(
                refused(&format!("SELECT crier.create_workspace({arguments})"))[0],
                state,
                "{arguments}"
            );
        }
    }
}
