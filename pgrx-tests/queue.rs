//! The queue, in one session.

#[pgrx::pg_schema]
mod tests {
    use crate::in_database_tests::support::*;
    use pgrx::prelude::*;

    #[pg_test]
    fn jobs_are_handed_out_by_priority_then_time_then_id() {
        fixture();
        run("SELECT crier.enqueue('late', run_at => now() - interval '1 minute'),
                    crier.enqueue('early', run_at => now() - interval '2 minutes'),
                    crier.enqueue('urgent', priority => 5),
                    crier.enqueue('future', priority => 9, run_at => now() + interval '1 hour')");
        let order: Vec<String> = one("SELECT array_agg(kind) FROM crier.claim_jobs('w', 10)");
        assert_eq!(order, ["urgent", "early", "late"]);
    }

    #[pg_test]
    fn filters_leave_other_work_alone() {
        fixture();
        post();
        run("SELECT crier.enqueue('a'), crier.enqueue('b')");
        assert_eq!(
            one::<Vec<String>>("SELECT array_agg(kind) FROM crier.claim_jobs('w', 10, ARRAY['b'])"),
            ["b"]
        );
        let kinds: Vec<String> =
            one("SELECT array_agg(kind) FROM crier.claim_jobs('w', 10, platforms => ARRAY['bluesky'])");
        assert_eq!(kinds, ["publish_post"]);
        let none: i64 =
            one("SELECT count(*) FROM crier.claim_jobs('w', 10, workspaces => ARRAY[crier.new_id()])");
        assert_eq!(none, 0);
    }

    #[pg_test]
    fn a_plan_that_was_made_when_a_table_was_empty_does_not_read_all_of_it_when_it_is_full() {
        const SCANS: &str =
            "SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relid = 'crier.job_key'::regclass";
        fixture();
        run("ANALYZE crier.job_key");
        let before: i64 = one(SCANS);
        for n in 0..8 {
            run(&format!("SELECT crier.enqueue('a', dedupe_key => 'key {n}')"));
        }
        assert_eq!(one::<i64>(SCANS), before);
    }

    #[pg_test]
    fn retries_wait_one_two_and_four_minutes() {
        fixture();
        run("SELECT crier.enqueue('a', max_attempts => 4)");
        for minutes in [1, 2, 4] {
            make_due();
            claim();
            let waits: i32 = one("SELECT round(extract(epoch FROM run_at - clock_timestamp()) / 60)::int FROM crier.fail_jobs(
                ARRAY[current_setting('t.job')::uuid], ARRAY[current_setting('t.token')::bigint], ARRAY['transient'],
                ARRAY['{}'::jsonb])");
            assert_eq!(waits, minutes);
        }
        make_due();
        claim();
        let status: String = one("SELECT status FROM crier.fail_jobs(ARRAY[current_setting('t.job')::uuid],
            ARRAY[current_setting('t.token')::bigint], ARRAY['transient'], ARRAY['{}'::jsonb])");
        assert_eq!(status, "failed");
    }

    #[pg_test]
    fn a_limit_does_not_use_up_an_attempt() {
        fixture();
        run("SELECT crier.enqueue('a', max_attempts => 1)");
        for _ in 0..5 {
            make_due();
            claim();
            let status: String =
                one("SELECT status FROM crier.fail_jobs(ARRAY[current_setting('t.job')::uuid],
                ARRAY[current_setting('t.token')::bigint], ARRAY['rate_limited'], ARRAY['{}'::jsonb])");
            assert_eq!(status, "retrying");
        }
        assert_eq!(one::<i32>("SELECT attempt FROM crier.jobs"), 0);
    }

    #[pg_test]
    fn a_time_that_has_passed_means_soon_and_never_at_once_for_a_limit() {
        fixture();
        run("SELECT crier.enqueue('a')");
        claim();
        let soon: bool = one("SELECT run_at > clock_timestamp() FROM crier.fail_jobs(ARRAY[current_setting('t.job')::uuid],
            ARRAY[current_setting('t.token')::bigint], ARRAY['rate_limited'], ARRAY['{}'::jsonb], ARRAY[now() - interval '9 days'])");
        assert!(soon);
    }

    #[pg_test]
    fn a_stale_token_changes_nothing() {
        fixture();
        run("SELECT crier.enqueue('a')");
        claim();
        lapse_leases();
        run("SELECT set_config('t.old', current_setting('t.token'), true)");
        claim();
        for call in [
            "crier.complete_jobs(ARRAY[j], ARRAY[old])",
            "crier.fail_jobs(ARRAY[j], ARRAY[old], ARRAY['config'], ARRAY['{}'::jsonb])",
            "crier.snooze_jobs(ARRAY[j], ARRAY[old], ARRAY[now()])",
            "crier.extend_jobs(ARRAY[j], ARRAY[old], '1 hour')",
            "crier.report_targets(ARRAY[j], ARRAY[old], ARRAY['published'], ARRAY['{}'::jsonb])",
            "crier.start_target(j, old)",
            "crier.record_intent(j, old, 'k', '{}')",
        ] {
            let accepted: i64 = one(&format!(
                "SELECT count(x) FROM (SELECT current_setting('t.job')::uuid AS j, current_setting('t.old')::bigint AS old) v,
                 LATERAL {call} x"
            ));
            assert_eq!(accepted, 0, "{call}");
        }
        assert_eq!(one::<String>("SELECT state || attempt FROM crier.jobs"), "running2");
    }

    #[pg_test]
    fn three_lost_leases_end_a_job() {
        fixture();
        run("SELECT crier.enqueue('a', max_attempts => 10)");
        for _ in 0..3 {
            assert_eq!(one::<i64>("SELECT count(*) FROM crier.claim_jobs('w')"), 1);
            lapse_leases();
        }
        assert_eq!(one::<i64>("SELECT count(*) FROM crier.claim_jobs('w')"), 0);
        assert_eq!(
            one::<String>("SELECT state || ' ' || (error ->> 'class') FROM crier.jobs"),
            "failed lease_lost"
        );
    }

    #[pg_test]
    fn a_dedupe_key_is_free_again_once_the_job_is_finished() {
        fixture();
        run("SELECT set_config('t.first', crier.enqueue('a', dedupe_key => 'k')::text, true)");
        assert!(one::<bool>(
            "SELECT crier.enqueue('a', dedupe_key => 'k') = current_setting('t.first')::uuid"
        ));
        assert!(one::<bool>(
            "SELECT crier.enqueue('b', dedupe_key => 'k') <> current_setting('t.first')::uuid"
        ));
        assert!(one::<bool>(
            "SELECT crier.enqueue('a', workspace_id => current_setting('t.ws')::uuid, dedupe_key => 'k')
                             <> current_setting('t.first')::uuid"
        ));
        run("SELECT crier.cancel_jobs(ARRAY[current_setting('t.first')::uuid])");
        assert!(one::<bool>(
            "SELECT crier.enqueue('a', dedupe_key => 'k') <> current_setting('t.first')::uuid"
        ));
    }

    #[pg_test]
    fn ids_come_in_the_order_of_the_input() {
        fixture();
        run(r#"SELECT set_config('t.ids', array_agg(id)::text, true) FROM crier.enqueue_many(
            '[{"kind": "c"}, {"kind": "a", "dedupe_key": "k"}, {"kind": "b"}, {"kind": "a", "dedupe_key": "k"}]') id"#);
        let kinds: Vec<String> = one("SELECT array_agg(j.kind ORDER BY i.ord)
            FROM unnest(current_setting('t.ids')::uuid[]) WITH ORDINALITY AS i (id, ord) JOIN crier.job j USING (id)");
        assert_eq!(kinds, ["c", "a", "b", "a"]);
        assert_eq!(one::<i64>("SELECT count(*) FROM crier.job"), 3);
    }

    #[pg_test]
    fn numbers_and_depth_that_json_libraries_refuse_are_kept() {
        fixture();
        run("SELECT crier.enqueue('a', '{\"n\": 1e400, \"m\": 12345678901234567890.123}')");
        let deep = format!("{}1{}", "[".repeat(1_000), "]".repeat(1_000));
        run(&format!("SELECT crier.enqueue('b', '{deep}')"));
        run(&format!("SELECT crier.enqueue_many('[{{\"kind\": \"c\", \"params\": {deep}}}]')"));
        let kept: i64 = one("SELECT count(*) FROM crier.claim_jobs('w', 10) WHERE params @> '{\"n\": 1e400, \"m\": 12345678901234567890.123}'
                             OR jsonb_array_length(params) = 1");
        assert_eq!(kept, 3);
    }

    #[pg_test]
    fn results_and_progress_can_be_read() {
        fixture();
        run("SELECT crier.enqueue('a')");
        claim();
        run("SELECT crier.extend_jobs(ARRAY[current_setting('t.job')::uuid], ARRAY[current_setting('t.token')::bigint],
             '1 hour', ARRAY['{\"done\": 1}'::jsonb])");
        assert_eq!(one::<String>("SELECT progress ->> 'done' FROM crier.jobs"), "1");
        run("SELECT crier.complete_jobs(ARRAY[current_setting('t.job')::uuid], ARRAY[current_setting('t.token')::bigint],
             ARRAY['{\"ok\": true}'::jsonb])");
        assert_eq!(one::<String>("SELECT state || (result ->> 'ok') FROM crier.jobs"), "completedtrue");
    }

    #[pg_test]
    fn arrays_that_were_stored_are_read_as_well_as_those_just_made() {
        fixture();
        for (name, value) in
            [("small", "{\"ok\": 1}"), ("large", &format!("{{\"ok\": \"{}\"}}", "x".repeat(50_000)))]
        {
            run(&format!("CREATE TEMP TABLE {name} AS SELECT array_fill('{value}'::jsonb, ARRAY[50]) AS a"));
            run(&format!(
                "SELECT count(*) FROM crier.enqueue_many((SELECT jsonb_agg('{{\"kind\": \"{name}\"}}'::jsonb) FROM generate_series(1, 50)))"
            ));
            run("CREATE TEMP TABLE mine AS SELECT * FROM crier.claim_jobs('w', 50)");
            run(&format!(
                "SELECT count(*) FROM (SELECT array_agg(job_id) AS ids, array_agg(token) AS tokens FROM mine) m, {name},
                 LATERAL crier.extend_jobs(ids, tokens, '1 minute', a) AS e, LATERAL (SELECT e.job_id) AS x"
            ));
            let kept: i64 = one(&format!(
                "SELECT count(c) FROM (SELECT array_agg(job_id) AS ids, array_agg(token) AS tokens FROM mine) m, {name},
                 LATERAL crier.complete_jobs(ids, tokens, a) AS c"
            ));
            assert_eq!(kept, 50, "{name}");
            assert!(one::<bool>(&format!(
                "SELECT bool_and(result = '{value}' AND progress = '{value}') FROM crier.jobs WHERE kind = '{name}'"
            )));
            run("DROP TABLE mine");
        }
    }

    #[pg_test]
    fn the_nil_workspace_is_a_key_like_any_other() {
        fixture();
        run("SELECT crier.enqueue('a', dedupe_key => 'k'),
                    crier.enqueue('a', dedupe_key => 'k', workspace_id => '00000000-0000-0000-0000-000000000000')");
    }

    #[pg_test]
    fn the_next_time_is_known_without_claiming() {
        fixture();
        assert_eq!(Spi::get_one::<bool>("SELECT crier.next_run_at() IS NULL"), Ok(Some(true)));
        run("SELECT crier.enqueue('a', run_at => now() + interval '1 hour')");
        assert!(one::<bool>("SELECT crier.next_run_at(ARRAY['a']) = now() + interval '1 hour'"));
        assert_eq!(Spi::get_one::<bool>("SELECT crier.next_run_at(ARRAY['b']) IS NULL"), Ok(Some(true)));
    }

    #[pg_test]
    fn a_job_is_late_once_the_day_of_its_id_is_over() {
        const MIDNIGHT: i64 = 1_767_312_000_000; // 2026-01-02, in milliseconds since 1970
        let id = |ms: i64| pgrx::Uuid::from_bytes((u128::from(ms.unsigned_abs()) << 80).to_be_bytes());
        let late = |id_ms: i64, now_ms: i64| {
            let now = crate::passed::Timestamptz((now_ms - 946_684_800_000) * 1_000);
            !crate::queue::checkpoint::late([id(id_ms)].into_iter(), now).is_empty()
        };
        assert!(!late(MIDNIGHT - 1, MIDNIGHT - 1));
        assert!(late(MIDNIGHT - 1, MIDNIGHT), "its day ended this moment");
        assert!(!late(MIDNIGHT, MIDNIGHT) && !late(MIDNIGHT, MIDNIGHT + 86_399_999));
        assert!(late(MIDNIGHT, MIDNIGHT + 86_400_000));
        assert!(!late(MIDNIGHT + 1, MIDNIGHT - 1), "a clock that was put back");
    }
}
