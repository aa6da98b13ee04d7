//! `crier.run_maintenance`: what is due is done, once, and noted.

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::session::Session;
use crier_tests::wait::wait_until;
use serde_json::{Value, json};

use super::{Kept, did, set};

const TASKS: &str = "ensure_partitions,drop_old_days,cleanup_old_activity_logs,cleanup_old_analytics_events,cleanup_old_metrics,\
                     roll_up_statistics,check_alerts,roll_up_analytics,expire_pending_jobs,retry_failed_jobs,\
                     schedule_readings,cleanup_finished_jobs,purge_workspaces,cleanup_leftovers,cleanup_expired_cache,cleanup_idempotency_keys,refresh_user_statistics_cache,cleanup_old_events,cleanup_old_actions,\
                     cleanup_expired_oauth_states_batch,cleanup_old_webhook_events,cleanup_maintenance_log,index_history,watch";

/// The tasks that a run has run, and those that failed.
async fn run(sql: &Session, arguments: &str) -> (String, String) {
    let ran = format!(
        "SELECT coalesce(string_agg(task, ','), ''), coalesce(string_agg(task || ' ' || error, ',') FILTER (WHERE error IS NOT NULL), '') \
         FROM crier.run_maintenance({arguments})"
    );
    let row = sql.row(&ran, &[]).await;
    (row.get(0), row.get(1))
}

#[tokio::test]
async fn everything_is_due_at_first_and_nothing_after_that() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    assert_eq!(run(&sql, "p_max_ms => 60000").await, (TASKS.into(), String::new()));
    assert_eq!(run(&sql, "").await, (String::new(), String::new()));
    let log = sql
        .text("SELECT string_agg(task, ',' ORDER BY id), max(runner), count(did) FROM crier.maintenance_log")
        .await;
    assert_eq!(log, format!("{TASKS}|somebody|24"));
    assert_eq!(
        sql.text("SELECT count(*) FROM crier.maintenance_tasks WHERE late OR due_at < now()").await,
        "0"
    );

    sql.run("UPDATE crier.maintenance_task SET due_at = now() WHERE task = 'watch'").await;
    assert_eq!(run(&sql, "").await, ("watch".into(), String::new()));
    assert_eq!(
        run(&sql, "p_tasks => '{drop_old_days, retry_failed_jobs}'").await.0,
        "drop_old_days,retry_failed_jobs"
    );
    sql.run("UPDATE crier.maintenance_task SET every = NULL, due_at = '-infinity' WHERE task = 'watch'")
        .await;
    assert_eq!(run(&sql, "").await.0, "", "null is off");
}

#[tokio::test]
async fn old_days_go_one_a_run_until_there_are_none() {
    let database = Database::shared().await;
    let kept = Kept::days_ago(&database, 10).await;
    run(&kept.sql, "p_max_ms => 60000").await;
    let mut runs = 0;
    while run(&kept.sql, "").await.0 == "drop_old_days" {
        runs += 1;
    }
    // days and claims of days, the first by the run before
    assert!((5..=9).contains(&runs), "{runs} more runs");
    assert_eq!(kept.states().await, "failed failed", "what waited for ten days has expired");
    assert_eq!(
        kept.sql.text("SELECT count(*) FROM crier.partitions WHERE day < current_date - 7").await,
        "0"
    );
}

#[tokio::test]
async fn the_procedure_does_everything_task_by_task() {
    let database = Database::shared().await;
    let kept = Kept::days_ago(&database, 10).await;
    kept.sql.run("CALL crier.maintain('by hand')").await;
    let log = "SELECT count(DISTINCT task), count(error), max(runner), count(DISTINCT xmin::text) = count(*) FROM crier.maintenance_run";
    assert_eq!(kept.sql.text(log).await, "24|0|by hand|t", "expected a transaction for each task");
    assert_eq!(
        kept.sql.text("SELECT count(*) FROM crier.partitions WHERE day < current_date - 7").await,
        "0"
    );
    // the names in it are looked up in nobody else's schema
    let owned = "CREATE SCHEMA own; CREATE FUNCTION own.count(text) RETURNS bigint LANGUAGE sql AS 'SELECT 1/0'; \
                 CREATE FUNCTION own.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT (1/0)::text::timestamptz $$; \
                 SET search_path = own, pg_catalog";
    kept.sql.run(owned).await;
    kept.sql.run("CALL crier.maintain('by hand')").await;
}

#[tokio::test]
async fn a_task_that_fails_is_noted_and_keeps_no_other() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    sql.run("ALTER TABLE crier.event RENAME TO event_away").await;
    let (ran, failed) = run(&sql, "p_max_ms => 60000").await;
    assert_eq!(ran, TASKS);
    assert!(failed.starts_with("schedule_readings 42P01: ") && failed.contains("crier.event"), "{failed}");
    assert_eq!(
        sql.text("SELECT task FROM crier.maintenance_tasks WHERE last_error IS NOT NULL ORDER BY task").await,
        "cleanup_old_events\ncleanup_old_webhook_events\nrefresh_user_statistics_cache\nschedule_readings"
    );
    assert_eq!(
        sql.text("SELECT task FROM crier.maintenance_log WHERE error IS NOT NULL ORDER BY task").await,
        "cleanup_old_events\ncleanup_old_webhook_events\nrefresh_user_statistics_cache\nschedule_readings"
    );
    sql.run("ALTER TABLE crier.event_away RENAME TO event").await;
    assert_eq!(
        run(&sql, "p_tasks => '{schedule_readings,refresh_user_statistics_cache,cleanup_old_events,cleanup_old_webhook_events}'").await,
        ("schedule_readings,refresh_user_statistics_cache,cleanup_old_events,cleanup_old_webhook_events".into(), String::new())
    );
    assert_eq!(sql.text("SELECT count(last_error) FROM crier.maintenance_tasks").await, "0");
}

#[tokio::test]
async fn one_run_at_a_time_and_one_that_is_killed_is_made_up_for() {
    let database = Database::shared().await;
    let kept = Kept::days_ago(&database, 10).await;
    let first = database.connect().await;
    first.run("BEGIN").await;
    assert_eq!(run(&first, "").await, ("ensure_partitions,drop_old_days".into(), String::new()));
    let said: Value = kept.sql.value("SELECT did FROM crier.run_maintenance()", &[]).await;
    assert_eq!(said, json!({"busy": true}));
    let pid = first.text("SELECT pg_backend_pid()").await;
    kept.sql.text(&format!("SELECT pg_terminate_backend({pid})")).await;
    wait_until("the session to be gone", "0".to_owned(), async || {
        kept.sql.text(&format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}")).await
    })
    .await;
    assert_eq!(kept.sql.text("SELECT count(*) FROM crier.maintenance_log").await, "0");
    assert_eq!(run(&kept.sql, "").await, ("ensure_partitions,drop_old_days".into(), String::new()));
    assert_eq!(kept.sql.text("SELECT count(*) FROM crier.maintenance_log").await, "2");
}

#[tokio::test]
async fn time_is_limited() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    let (ran, _) = run(&sql, "p_max_ms => 1").await;
    assert!(ran.len() < TASKS.len() && TASKS.starts_with(&ran), "{ran}");
    // what was not begun is still due
    let (rest, _) = run(&sql, "p_max_ms => 60000").await;
    assert!(TASKS.ends_with(&rest) && rest.len() + ran.len() + 1 >= TASKS.len(), "{ran} and {rest}");
}

#[tokio::test]
async fn the_sidecar_leaves_it_to_pg_cron() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    let as_sidecar = "SELECT did ->> 'left_to' FROM crier.run_maintenance('crierd', '{watch}')";
    assert_eq!(sql.text(as_sidecar).await, "∅", "nobody else does it");
    sql.text("SELECT count(*) FROM crier.run_maintenance('pg_cron')").await;
    assert_eq!(sql.text(as_sidecar).await, "pg_cron");
    sql.run("UPDATE crier.maintenance_runner SET last_run_at = now() - interval '11 minutes' WHERE runner = 'pg_cron'").await;
    assert_eq!(sql.text(as_sidecar).await, "∅", "pg_cron has stopped");
    sql.run("UPDATE crier.maintenance_setting SET value = NULL WHERE name = 'sidecar_waits_for_cron'").await;
    assert_eq!(sql.text(as_sidecar).await, "somebody else");
    // everybody else is let
    assert_eq!(sql.text("SELECT task FROM crier.run_maintenance('pg_cron', '{watch}')").await, "watch");
}

#[tokio::test]
async fn what_somebody_should_know_is_said() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    let well = did(&sql, "watch()").await;
    assert_eq!(
        (&well["attention"], &well["stray_in_default"], &well["days_ahead"]),
        (&json!([]), &json!(0), &json!(7))
    );

    // the days were not made, and jobs came
    let drop = "SELECT string_agg(format('DROP TABLE crier.%I', name), ';') FROM crier.partitions WHERE day >= current_date";
    sql.run(&sql.text(drop).await).await;
    sql.text("SELECT crier.enqueue('k')").await;
    let said = did(&sql, "watch()").await;
    assert_eq!(said["stray_in_default"], 1);
    assert!(said["attention"][0].as_str().is_some_and(|text| text.contains("default partition")), "{said}");
    assert!(said["attention"][1].as_str().is_some_and(|text| text.contains("0 days")), "{said}");

    // what old days left is no reason to worry
    let database = Database::shared().await;
    let kept = Kept::days_ago(&database, 10).await;
    while did(&kept.sql, "drop_old_days()").await["more"] == true {}
    let said = did(&kept.sql, "watch()").await;
    assert_eq!((&said["kept_in_default"], &said["stray_in_default"]), (&json!(2), &json!(0)));

    set(&kept.sql, "stuck_after", "1 microsecond").await;
    kept.sql.text("SELECT * FROM crier.claim_jobs('slow', kinds => '{waiting}')").await;
    let stuck = kept.sql.text("SELECT job_id, kind, worker FROM crier.stuck_jobs()").await;
    assert_eq!(stuck, format!("{}|waiting|slow", kept.waiting));
    assert_eq!(kept.sql.text("SELECT count(*) FROM crier.stuck_jobs('30 minutes')").await, "0");
    assert!(
        did(&kept.sql, "watch()").await["attention"][0]
            .as_str()
            .is_some_and(|text| text.contains("stuck_jobs"))
    );
    backdoor::lapse_leases(&kept.sql).await;
}
