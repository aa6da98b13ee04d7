//! What an operator looks at.

use std::path::Path;

use crier_tests::cluster::Database;

use super::Kept;

/// The views that an operator reads.
const VIEWS: [&str; 10] = [
    "maintenance_log",
    "maintenance_tasks",
    "partitions",
    "dead_letters",
    "expiring_tokens",
    "index_usage",
    "bloated_indexes",
    "vacuum_state",
    "failed_jobs",
    "vacuum_due",
];

#[tokio::test]
async fn the_script_for_psql_shows_everything_without_an_error() {
    let database = Database::shared().await;
    let kept = Kept::new(&database).await;
    kept.sql.run("ANALYZE").await;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sql/monitoring.sql");
    let mut psql = database.server().client("psql", database.name());
    let output = psql.args(["-v", "ON_ERROR_STOP=1", "-f"]).arg(&file).output().expect("psql");
    let (shown, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && errors.is_empty(), "{errors}\n{shown}");
    assert!(shown.contains("config") && shown.contains("drop_old_days"), "{shown}");
    for heading in [
        "backlog",
        "dead letters",
        "stuck",
        "tokens",
        "partitions",
        "hardly used",
        "bloated",
        "vacuum",
        "autovacuum",
        "alerts",
        "failed within an hour",
        "publishing by platform",
        "locks",
        "slow statements",
    ] {
        assert!(shown.contains(heading), "expected {heading} in\n{shown}");
    }
}

#[tokio::test]
async fn the_monitoring_role_reads_the_views_and_no_application_does() {
    let database = Database::shared().await;
    let kept = Kept::new(&database).await;
    kept.sql.run("ANALYZE; CREATE ROLE watcher LOGIN IN ROLE crier_monitor; CREATE ROLE app LOGIN IN ROLE crier_app").await;
    let (watcher, app) = (database.connect_as("watcher").await, database.connect_as("app").await);
    for view in VIEWS {
        watcher.text(&format!("SELECT * FROM crier.{view}")).await;
        assert_eq!(app.refusal(&format!("SELECT * FROM crier.{view}")).await.code, "42501", "{view}");
    }
    for call in ["backlog()", "stuck_jobs()", "reindex_due()", "watch()"] {
        watcher.text(&format!("SELECT * FROM crier.{call}")).await;
        assert_eq!(app.refusal(&format!("SELECT * FROM crier.{call}")).await.code, "42501", "{call}");
    }
    assert_eq!(watcher.text("SELECT waiting, due, running, busy FROM crier.backlog()").await, "0|1|0|0");
    assert_eq!(
        watcher.text("SELECT kind, class, jobs, last_message FROM crier.dead_letters").await,
        "dead|config|1|no"
    );
    assert_eq!(watcher.refusal("SELECT * FROM crier.run_maintenance()").await.code, "42501");
    kept.sql.run("DROP OWNED BY watcher, app; DROP ROLE watcher, app").await;
}

#[tokio::test]
async fn new_days_are_stored_like_the_old_ones() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    sql.text("SELECT count(*) FROM crier.ensure_partitions(9)").await;
    let settings = "SELECT count(DISTINCT options), min(options) FROM crier.vacuum_state WHERE table_name ~ '^job_[0-9]+$'";
    assert_eq!(
        sql.text(settings).await,
        "1|{autovacuum_analyze_scale_factor=0.02,autovacuum_vacuum_insert_scale_factor=0.1}"
    );
    let without = "SELECT table_name FROM crier.vacuum_state WHERE options IS NULL AND table_name ~ '^job'";
    assert_eq!(
        sql.text(&format!(
            "{without} AND table_name NOT IN ('job_kind', 'job_day', 'job_reopened', 'job_claim_mark', 'job_stat', \
                 'job_undone')"
        ))
        .await,
        ""
    );
    let targets = "SELECT count(DISTINCT c.relname), min(a.attstattarget) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
                   WHERE c.relname ~ '^job_[0-9]+$' AND c.relkind = 'r' AND a.attname = 'workspace_id' AND a.attstattarget = 500";
    assert_eq!(sql.text(targets).await, "10|500");
    // what an operator has set stays
    sql.run("ALTER TABLE crier.post_target SET (fillfactor = 60); SELECT count(*) FROM crier.migrate()")
        .await;
    let kept = sql.text("SELECT options FROM crier.vacuum_state WHERE table_name = 'post_target'").await;
    assert!(kept.contains("fillfactor=60") && kept.contains("toast_tuple_target=512"), "{kept}");
}

#[tokio::test]
async fn a_bloated_index_is_found_and_one_that_is_built_again_is_not() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    let fill = "INSERT INTO crier.job_key SELECT gen_random_uuid(), 'k', gen_random_uuid()::text, gen_random_uuid(), now() FROM generate_series(1, 200000)";
    sql.run(&format!(
        "ALTER TABLE crier.job_key SET (autovacuum_enabled = off); {fill}; ANALYZE crier.job_key"
    ))
    .await;
    let due = "SELECT string_agg(index_name, ' ' ORDER BY index_name) FROM crier.reindex_due()";
    assert_eq!(
        sql.text(due).await,
        "∅",
        "{}",
        sql.text("SELECT * FROM crier.index_bloat() WHERE table_name = 'job_key'").await
    );
    sql.run("DELETE FROM crier.job_key WHERE kind = 'k' AND dedupe_key > '2'").await;
    sql.run("VACUUM ANALYZE crier.job_key").await;
    let found = sql.text(due).await;
    assert!(found.contains("crier.job_key_pkey"), "{found}");
    let indexes: Vec<String> = sql.column("SELECT index_name FROM crier.reindex_due()", &[]).await;
    for index in indexes {
        sql.run(&format!("REINDEX INDEX CONCURRENTLY {index}")).await;
    }
    sql.run("ANALYZE crier.job_key").await;
    assert_eq!(sql.text(due).await, "∅");
}
