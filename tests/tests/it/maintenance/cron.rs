//! The real pg_cron runs `sql/cron.sql`.

use std::path::Path;

use crier_tests::cluster::Database;
use crier_tests::process::succeed;
use crier_tests::wait::{wait_for, wait_until};

use super::Kept;

#[tokio::test]
async fn pg_cron_does_what_is_due() {
    let settings = [
        ("shared_preload_libraries", "crier,pg_cron"),
        ("cron.database_name", "crier"),
        ("cron.use_background_workers", "on"),
    ];
    let database = Database::private_with(&settings).await;
    let kept = Kept::days_ago(&database, 10).await;
    kept.sql.run("CREATE EXTENSION pg_cron").await;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sql/cron.sql");
    // twice: a schedule that is there is replaced
    for _ in 0..2 {
        succeed(
            database
                .server()
                .client("psql", database.name())
                .args(["-q", "-v", "ON_ERROR_STOP=1", "-f"])
                .arg(&file),
        );
    }
    assert_eq!(kept.sql.text("SELECT count(*) FROM cron.job").await, "8");
    // a full minute may pass before the next one begins
    wait_for("pg_cron to run the maintenance", std::time::Duration::from_secs(150), async || {
        let ran = kept.sql.text("SELECT string_agg(DISTINCT runner, ','), count(DISTINCT task), count(error) FROM crier.maintenance_log").await;
        if ran == "pg_cron|24|0" { Ok(()) } else { Err((ran, kept.sql.text("SELECT jobid, status, return_message FROM cron.job_run_details").await)) }
    })
    .await;
    // while pg_cron is still at it, that is what is answered
    let left = "SELECT did ->> 'left_to' FROM crier.run_maintenance('crierd')";
    wait_until("to whom crierd leaves it", "pg_cron".to_owned(), async || kept.sql.text(left).await).await;

    // what runs once a week is right too
    let weekly: Vec<String> =
        kept.sql.column("SELECT command FROM cron.job WHERE jobname <> 'crier-maintenance'", &[]).await;
    for command in &weekly {
        kept.sql.run(command).await;
    }
    assert_eq!(weekly.len(), 7);
}
