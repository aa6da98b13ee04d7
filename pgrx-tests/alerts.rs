//! Alerts: who hears of what, and what becomes of a delivery.

#[pgrx::pg_schema]
mod tests {
    use crate::in_database_tests::support::*;
    use pgrx::prelude::*;

    const SEALED: &str = "'\\x0101' || decode(repeat('00', 40), 'hex')";
    const OWNER: &str = "0193a0c0-0000-7000-8000-000000000001";

    /// Adds an endpoint; `t.endpoint` holds its id. `more`: further arguments.
    fn endpoint(more: &str) {
        run("SELECT set_config('t.endpoint', crier.new_id()::text, true)");
        run(&format!(
            "SELECT crier.add_alert_endpoint(current_setting('t.endpoint')::uuid, 'https://alerts.example/', {SEALED}{more})"
        ));
    }

    fn of_workspace() {
        endpoint(", current_setting('t.ws')::uuid");
    }

    /// Has the fixture's post fail for good.
    fn lose_post() {
        post();
        run(
            "SELECT crier.report_targets(ARRAY[job_id], ARRAY[token], '{content_invalid}', ARRAY['{\"message\": \"m\"}'::jsonb])
             FROM crier.claim_jobs('w', kinds => '{publish_post}')",
        );
    }

    /// Claims the one alert there is.
    fn claim_alert() {
        run("SELECT set_config('t.job', job_id::text, true), set_config('t.token', token::text, true)
             FROM crier.claim_jobs('w', kinds => '{deliver_alert}')");
    }

    fn report(outcome: &str) -> Option<String> {
        let sql = format!(
            "SELECT crier.report_alert(current_setting('t.job')::uuid, current_setting('t.token')::bigint, {outcome})"
        );
        Spi::get_one::<String>(&sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    fn listed(columns: &str) -> String {
        one(&format!(
            "SELECT concat_ws(' ', {columns}) FROM crier.list_alert_endpoints() WHERE id = current_setting('t.endpoint')::uuid"
        ))
    }

    fn alerts() -> i64 {
        one("SELECT count(*) FROM crier.jobs WHERE kind = 'deliver_alert'")
    }

    #[pg_test]
    fn a_delivery_has_the_same_text_at_every_attempt() {
        fixture();
        of_workspace();
        lose_post();
        let start = "SELECT body || ' ' || kind || ' ' || url
            FROM crier.start_alert(current_setting('t.job')::uuid, current_setting('t.token')::bigint)";
        claim_alert();
        let first: String = one(start);
        assert!(first.starts_with("{\"type\" : \"post.failed\", \"timestamp\" : \"20"), "{first}");
        assert!(first.ends_with("} post.failed https://alerts.example/"), "{first}");
        assert_eq!(report("'transient', '{\"message\": \"500\"}'").as_deref(), Some("retrying"));
        assert_eq!(listed("enabled, last_error, waiting"), "t 500 (transient) 1");
        make_due();
        claim_alert();
        assert_eq!(one::<String>(start), first);
        assert_eq!(report("'delivered'").as_deref(), Some("completed"));
        assert_eq!(report("'delivered'"), None, "the lease is over");
        assert_eq!(listed("enabled, last_error, failing_since, waiting"), "t 0");
    }

    #[pg_test]
    fn alerts_have_more_attempts_than_other_jobs() {
        fixture();
        // rows of a transaction that makes the tables as well are not in memory
        run("UPDATE crier.job_kind SET jitter = false WHERE kind = 'deliver_alert'");
        of_workspace();
        lose_post();
        for attempt in 1..=14 {
            claim_alert();
            let state = if attempt == 14 { "failed" } else { "retrying" };
            assert_eq!(report("'transient'").as_deref(), Some(state), "{attempt}");
            let minutes: f64 = one(
                "SELECT coalesce(extract(epoch FROM max(run_at) - clock_timestamp()) / 60, 0)::float8 FROM crier.jobs
                 WHERE kind = 'deliver_alert' AND state = 'retrying'",
            );
            assert!(minutes <= 720.0, "{attempt}: {minutes}");
            make_due();
        }
    }

    #[pg_test]
    fn gone_disables_and_enabling_begins_anew() {
        fixture();
        of_workspace();
        lose_post();
        claim_alert();
        assert_eq!(report("'target_missing'").as_deref(), Some("failed"));
        assert_eq!(listed("enabled, disabled_because, last_error"), "f gone target_missing");
        run("SELECT crier.enable_alert_endpoint(current_setting('t.endpoint')::uuid, false)");
        assert_eq!(listed("disabled_because"), "gone", "the first reason stays");
        run("SELECT crier.enable_alert_endpoint(current_setting('t.endpoint')::uuid)");
        assert_eq!(listed("enabled, disabled_because, failing_since"), "t");
        run("SELECT crier.enable_alert_endpoint(current_setting('t.endpoint')::uuid, false)");
        assert_eq!(listed("enabled, disabled_because"), "f asked");
    }

    #[pg_test]
    fn days_of_failures_disable_unless_that_is_switched_off() {
        fixture();
        of_workspace();
        lose_post();
        claim_alert();
        report("'transient'");
        run("UPDATE crier.alert_endpoint SET failing_since = clock_timestamp() - interval '6 days'");
        run("UPDATE crier.maintenance_setting SET value = NULL WHERE name = 'disable_alerts_after'");
        make_due();
        claim_alert();
        report("'transient'");
        assert_eq!(listed("enabled"), "t");
        run("UPDATE crier.maintenance_setting SET value = '5 days' WHERE name = 'disable_alerts_after'");
        make_due();
        claim_alert();
        report("'transient'");
        assert_eq!(listed("enabled, disabled_because"), "f failing");
    }

    #[pg_test]
    fn a_pause_without_deliveries_is_no_failing() {
        let failed_before = |failing: &str, last: &str| {
            run(&format!(
                "UPDATE crier.alert_endpoint SET failing_since = clock_timestamp() - interval '{failing}',
                 last_failure_at = clock_timestamp() - interval '{last}'"
            ));
            make_due();
            claim_alert();
            report("'transient'");
        };
        let recent = "enabled, failing_since > clock_timestamp() - interval '1 minute'";
        fixture();
        run("UPDATE crier.job_kind SET max_attempts = 100 WHERE kind = 'deliver_alert'");
        of_workspace();
        lose_post();
        claim_alert();
        report("'transient'");
        failed_before("6 days", "25 hours");
        assert_eq!(listed(recent), "t t", "nothing was sent to it for a day");
        failed_before("4 days", "23 hours");
        assert_eq!(listed(recent), "t f", "it goes on");
        // what counts as a pause follows from how far apart its attempts are
        run("UPDATE crier.job_kind SET max_delay = '20 hours' WHERE kind = 'deliver_alert'");
        failed_before("6 days", "41 hours");
        assert_eq!(listed(recent), "t t");
        failed_before("6 days", "39 hours");
        assert_eq!(listed("enabled, disabled_because"), "f failing");
    }

    #[pg_test]
    fn an_error_that_no_attempt_can_mend_disables_at_once() {
        fixture();
        of_workspace();
        lose_post();
        claim_alert();
        assert_eq!(report("'config', '{\"message\": \"no such secret\"}'").as_deref(), Some("failed"));
        assert_eq!(listed("enabled, disabled_because, last_error"), "f config no such secret (config)");
        run("SELECT crier.enable_alert_endpoint(current_setting('t.endpoint')::uuid)");
        lose_post();
        claim_alert();
        report("'permission'");
        assert_eq!(listed("enabled, disabled_because, last_error"), "t permission", "other errors don't");
    }

    #[pg_test]
    fn what_has_nowhere_to_go_is_canceled() {
        fixture();
        for gone in [
            "crier.remove_alert_endpoint(current_setting('t.endpoint')::uuid)",
            "crier.enable_alert_endpoint(current_setting('t.endpoint')::uuid, false)",
        ] {
            of_workspace();
            lose_post();
            run(&format!("SELECT {gone}"));
            claim_alert();
            let started: i64 = one(
                "SELECT count(*) FROM crier.start_alert(current_setting('t.job')::uuid, current_setting('t.token')::bigint)",
            );
            assert_eq!(started, 0, "{gone}");
            let state: String = one("SELECT state FROM crier.jobs WHERE id = current_setting('t.job')::uuid");
            assert_eq!(state, "canceled", "{gone}");
        }
    }

    #[pg_test]
    fn twenty_endpoints_are_enough_for_a_workspace() {
        fixture();
        for _ in 0..20 {
            of_workspace();
        }
        let more = format!(
            "SELECT crier.add_alert_endpoint(crier.new_id(), 'https://x/', {SEALED}, current_setting('t.ws')::uuid)"
        );
        assert!(refused(&more)[1].contains("has 20 endpoints already"));
        endpoint("");
        let again = format!(
            "SELECT crier.add_alert_endpoint(current_setting('t.endpoint')::uuid, 'https://x/', {SEALED})"
        );
        assert!(refused(&again)[1].contains("is taken"));
    }

    #[pg_test]
    fn an_owner_manages_the_endpoints_of_the_workspace_only() {
        fixture();
        endpoint("");
        run("SELECT set_config('role', 'crier_app', true)");
        run(&format!("SELECT set_config('crier.user_id', '{OWNER}', true)"));
        assert_eq!(one::<i64>("SELECT count(*) FROM crier.list_alert_endpoints()"), 0);
        for call in ["remove_alert_endpoint", "enable_alert_endpoint"] {
            let [state, _, detail, _] =
                refused(&format!("SELECT crier.{call}(current_setting('t.endpoint')::uuid)"));
            assert_eq!((state.as_str(), detail.as_str()), ("P0002", "not_found"), "{call}");
        }
        let all = format!("SELECT crier.add_alert_endpoint(crier.new_id(), 'https://x/', {SEALED})");
        assert_eq!(refused(&all)[0], "42501");
        run("RESET ROLE");
        of_workspace();
        run("SELECT set_config('role', 'crier_app', true)");
        assert_eq!(listed("enabled, waiting"), "t 0");
        run("SELECT crier.remove_alert_endpoint(current_setting('t.endpoint')::uuid)");
        assert_eq!(one::<i64>("SELECT count(*) FROM crier.list_alert_endpoints()"), 0);
        for table in ["alert_endpoint", "alert_told", "alert_state"] {
            assert_eq!(refused(&format!("SELECT * FROM crier.{table}"))[0], "42501", "{table}");
        }
    }

    #[pg_test]
    fn without_an_endpoint_nothing_is_added() {
        fixture();
        lose_post();
        assert_eq!(alerts(), 0);
        endpoint(", p_kinds => '{threshold.begun}'");
        lose_post();
        assert_eq!(alerts(), 0);
        endpoint(", p_kinds => '{post.failed}'");
        lose_post();
        assert_eq!(alerts(), 1);
    }
}
