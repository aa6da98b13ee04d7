//! The health checks tell the truth while the database comes and goes.

use crier_tests::cluster::Database;
use crier_tests::crierd::{Crierd, Deployment};
use crier_tests::stage::Stage;
use crier_tests::wait::wait_until;
use serde_json::Value;

async fn get(crierd: &Crierd, path: &str) -> (u16, String) {
    let answer = crier_tests::http::get(format!("{}{path}", crierd.url())).await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a text"))
}

#[tokio::test]
async fn ready_follows_the_database() {
    let database = Database::private().await;
    let deployment = Deployment::init(&database.url(crier_tests::cluster::SIDECAR_ROLE));
    let crierd = deployment.start().await;
    let ready = async || get(&crierd, "/readyz").await.0;
    wait_until("readiness at the start", 200, ready).await;
    assert_eq!(get(&crierd, "/healthz").await.0, 200);
    database.server().stop("immediate");
    wait_until("readiness without a database", 503, ready).await;
    assert_eq!(get(&crierd, "/healthz").await.0, 200, "expected the process to live on");
    database.server().start();
    wait_until("readiness after the restart", 200, ready).await;
    crierd.terminate();
    assert!(crierd.ended().await.success());
}

#[tokio::test]
async fn a_paused_copy_is_not_ready_and_publishes_nothing() {
    let sim = crier_tests::sim::Sim::start();
    let stage = Stage::on_simulator(&sim, Database::shared().await).await;
    // as if this database had come from another one
    stage.sql.run("UPDATE crier.installation SET system_identifier = '1'").await;
    let crierd = stage.deployment.start().await;
    let post = stage.post("not from a copy").await;
    let (status, body) = get(&crierd, "/readyz").await;
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((status, &body["ready"]), (503, &Value::Bool(false)), "{body}");
    assert!(body["reason"].as_str().is_some_and(|reason| reason.contains("adopt_database")), "{body}");
    assert_eq!(stage.target(post).await["state"], "scheduled");
    stage.sql.run("SELECT crier.adopt_database(); NOTIFY crier_jobs").await;
    stage.published(post).await;
    assert_eq!(sim.ledger().len(), 1);
}
