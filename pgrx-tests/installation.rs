//! Tables, copies and versions.

#[pgrx::pg_schema]
mod tests {
    use crate::in_database_tests::support::*;
    use pgrx::prelude::*;

    #[pg_test]
    fn every_function_says_what_to_do_before_the_tables_are_there() {
        for call in
            ["crier.status()", "crier.claim_jobs('w')", "crier.enqueue('a')", "crier.ensure_partitions()"]
        {
            let [state, _, detail, hint] = refused(&format!("SELECT {call}"));
            assert_eq!((state.as_str(), detail.as_str()), ("55000", "not_migrated"), "{call}");
            assert!(hint.contains("crier.migrate()"), "{call}: {hint}");
        }
    }

    #[pg_test]
    fn a_second_migrate_applies_nothing() {
        run("SELECT count(*) FROM crier.migrate()");
        let again: i64 = one("SELECT count(*) FROM crier.migrate() WHERE action <> 'refreshed'");
        assert_eq!(again, 0);
        assert!(one::<bool>("SELECT schema_current AND NOT paused FROM crier.status()"));
    }

    #[pg_test]
    fn a_changed_or_newer_database_is_refused() {
        run("SELECT count(*) FROM crier.migrate()");
        run("UPDATE crier.migration SET checksum = 'x'");
        assert_eq!(refused("SELECT crier.migrate()")[2], "changed_migration");
        run("INSERT INTO crier.migration (version, name, checksum) VALUES (9999, '9999_future', 'x')");
        run("DELETE FROM crier.migration WHERE version < 9999");
        assert_eq!(refused("SELECT crier.migrate()")[2], "newer_database");
    }

    #[pg_test]
    fn a_gap_in_the_migrations_is_seen_and_refused() {
        run("SELECT count(*) FROM crier.migrate()");
        run("CREATE TEMP TABLE kept AS SELECT * FROM crier.migration WHERE version = 9");
        run("DELETE FROM crier.migration WHERE version = 9");
        assert!(!one::<bool>("SELECT schema_current FROM crier.status()"));
        let [state, message, detail, hint] = refused("SELECT crier.migrate()");
        assert_eq!((state.as_str(), detail.as_str()), ("55000", "missing_migration"));
        assert!(
            message.contains("but not 0009_alerts") && hint.contains("crier.migration"),
            "{message} {hint}"
        );
        run("INSERT INTO crier.migration SELECT * FROM kept");
        assert!(one::<bool>("SELECT schema_current FROM crier.status()"));
        run("SELECT count(*) FROM crier.migrate()");
        run("DELETE FROM crier.migration WHERE version = (SELECT max(version) FROM crier.migration)");
        assert!(!one::<bool>("SELECT schema_current FROM crier.status()"));
    }

    #[pg_test]
    fn a_copy_hands_out_nothing_until_it_is_adopted() {
        fixture();
        run("SELECT crier.enqueue('a')");
        run("UPDATE crier.installation SET database_oid = 1");
        assert_eq!(one::<i64>("SELECT count(*) FROM crier.claim_jobs('w')"), 0);
        assert!(one::<bool>("SELECT paused AND reason LIKE '%adopt_database%' FROM crier.status()"));
        run("SELECT crier.adopt_database()");
        assert_eq!(one::<i64>("SELECT count(*) FROM crier.claim_jobs('w')"), 1);
    }

    #[pg_test]
    fn a_restore_into_the_same_database_is_noticed() {
        fixture();
        run("SELECT crier.enqueue('a')");
        run("CREATE TEMP TABLE dump AS SELECT * FROM crier.installation");
        // The data alone, beside our own row.
        run("INSERT INTO crier.installation SELECT '1', database_oid, table_oid FROM dump");
        assert!(one::<bool>("SELECT paused FROM crier.status()"));
        run("SELECT crier.adopt_database()");
        assert!(!one::<bool>("SELECT paused FROM crier.status()"));
        // The whole table, dropped and made again.
        run("UPDATE crier.installation SET table_oid = 1");
        assert!(one::<bool>("SELECT paused FROM crier.status()"));
        run("DELETE FROM crier.installation");
        assert!(one::<bool>("SELECT paused FROM crier.status()"));
        assert_eq!(one::<i64>("SELECT count(*) FROM crier.claim_jobs('w')"), 0);
    }

    #[pg_test]
    fn tables_belong_to_crier_and_not_to_the_extension() {
        run("SELECT count(*) FROM crier.migrate()");
        let strangers: i64 = one("SELECT count(*) FROM pg_class c WHERE relnamespace = 'crier'::regnamespace
            AND (pg_get_userbyid(relowner) <> 'crier_owner'
                 OR EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e'))");
        assert_eq!(strangers, 0);
        let open: i64 = one("SELECT count(*) FROM pg_class WHERE relnamespace = 'crier'::regnamespace
            AND relkind IN ('r', 'p') AND NOT relrowsecurity");
        assert_eq!(open, 0);
    }

    #[pg_test]
    fn partitions_are_made_ahead_once() {
        run("SELECT count(*) FROM crier.migrate()");
        assert_eq!(one::<i64>("SELECT count(*) FROM crier.ensure_partitions(7)"), 0);
        assert_eq!(one::<i64>("SELECT count(*) FROM crier.ensure_partitions(9)"), 14);
        for days in ["NULL", "-1", "367"] {
            assert!(
                ["22004", "22023"]
                    .contains(&refused(&format!("SELECT crier.ensure_partitions({days})"))[0].as_str())
            );
        }
    }
}
