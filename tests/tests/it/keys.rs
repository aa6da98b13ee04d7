//! The keys that seal: an older installation goes on, keys are added and rotated while sidecars publish, and who loses one is told
//! what to do.

mod doctor;
mod rotation;
mod sources;

use crier_tests::cluster::Database;
use crier_tests::crierd::{Deployment, Printed};
use crier_tests::direct;
use crier_tests::session::Session;
use crier_tests::sim::Sim;
use crier_tests::sim::fault::Fault;
use crier_tests::stage::Stage;

const PUT: &str = "com.atproto.repo.putRecord";

/// A command that must succeed, and what it printed.
fn done(deployment: &Deployment, arguments: &[&str]) -> String {
    let printed = deployment.run(arguments, "");
    assert!(printed.status.success(), "{arguments:?}: {printed:?}");
    printed.stdout
}

/// What a command said that failed as it should.
fn failed(printed: &Printed) -> String {
    assert_eq!(printed.status.code(), Some(1), "expected exit status 1: {printed:?}");
    format!("{}{}", printed.stdout, printed.stderr)
}

/// How many values are in which format: `format count` a line.
async fn formats(sql: &Session) -> String {
    sql.text(
        "SELECT string_agg(format || ' ' || n, ', ' ORDER BY format) FROM (SELECT get_byte(sealed, 0) AS format, \
         count(*) AS n FROM crier.credential GROUP BY 1) AS f",
    )
    .await
}

/// Which keys of the key file wrap how many data keys.
async fn wrapped(sql: &Session) -> String {
    sql.text(
        "SELECT string_agg(key_id || ': ' || n, ', ' ORDER BY key_id) FROM (SELECT key_id, count(*) AS n FROM \
         crier.data_key GROUP BY 1) AS k",
    )
    .await
}

/// Makes of the stage's installation what a version before has left.
async fn make_older(sim: &Sim, stage: &Stage) {
    let tokens = sim.issued_tokens();
    let scope = |token: &&String| stage_token_is_access(token);
    let access = tokens.iter().rfind(scope).expect("an access token");
    let refresh = tokens.iter().rfind(|token| !scope(token)).expect("a refresh token");
    direct::as_before(&stage.sql, &stage.deployment, stage.workspace, stage.account, (access, refresh)).await;
}

/// Whether a token of the simulator is an access token: its claims say so.
fn stage_token_is_access(token: &str) -> bool {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let claims = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    claims.is_some_and(|claims| !String::from_utf8_lossy(&claims).contains("refresh"))
}

#[tokio::test]
async fn an_older_installation_works_without_any_action() {
    let sim = Sim::start();
    let stage = Stage::on_simulator(&sim, Database::shared().await).await;
    assert_eq!(formats(&stage.sql).await, "2 1", "expected a new account to have the new format");
    make_older(&sim, &stage).await;
    assert_eq!(formats(&stage.sql).await, "1 1");
    let _crierd = stage.deployment.start().await;
    let post = stage.post("with the old format").await;
    stage.published(post).await;
    assert_eq!((formats(&stage.sql).await, wrapped(&stage.sql).await), ("1 1".into(), "∅".into()));
    // the next refresh stores the new format
    sim.fault(PUT, Fault::ExpiredToken);
    let post = stage.post("after a refresh").await;
    stage.published(post).await;
    assert_eq!((formats(&stage.sql).await, wrapped(&stage.sql).await), ("2 1".into(), "1: 1".into()));
    let post = stage.post("with the new format").await;
    stage.published(post).await;
    for text in ["with the old format", "after a refresh", "with the new format"] {
        assert_eq!(sim.visible(text).len(), 1, "{text}");
    }
}
