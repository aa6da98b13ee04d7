//! Where there is no pg_cron, crierd does what is due.

use crier_tests::cluster::{Database, SIDECAR_ROLE};
use crier_tests::crierd::Deployment;
use crier_tests::wait::{SOON, wait_for, wait_until};

#[tokio::test]
async fn it_runs_the_maintenance_where_nobody_else_does() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    let deployment = Deployment::init(&database.url(SIDECAR_ROLE));
    let crierd = deployment.start().await;
    wait_until("the sidecar to run everything that is due", "crierd|24|0".to_owned(), async || {
        sql.text("SELECT max(runner), count(DISTINCT task), count(error) FROM crier.maintenance_log").await
    })
    .await;
    crierd.terminate();
    assert!(crierd.ended().await.success());
}

#[tokio::test]
async fn it_leaves_it_to_pg_cron() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    sql.text("SELECT count(*) FROM crier.run_maintenance('pg_cron', '{watch}')").await;
    let deployment = Deployment::init(&database.url(SIDECAR_ROLE));
    let crierd = deployment.start().await;
    wait_for("the sidecar to say who does it", SOON, async || {
        let log = crierd.log();
        if log.contains("left to somebody else") && log.contains("pg_cron") { Ok(()) } else { Err(log) }
    })
    .await;
    assert_eq!(
        sql.text("SELECT string_agg(DISTINCT runner, ',') FROM crier.maintenance_log").await,
        "pg_cron"
    );
    crierd.terminate();
    assert!(crierd.ended().await.success());
}
