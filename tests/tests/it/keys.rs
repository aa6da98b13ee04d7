//! The keys that seal: an older installation goes on, keys are added and rotated while sidecars publish, and who loses one is told
//! what to do.

mod doctor;
mod rotation;
mod sources;

use crier_tests::cluster::{Database, SIDECAR_ROLE};
use crier_tests::crierd::{Deployment, Printed};
use crier_tests::direct;
use crier_tests::session::Session;
use crier_tests::sim::Sim;
use crier_tests::sim::fault::Fault;
use crier_tests::stage::{PASSWORD, Stage, create_workspace};
use uuid::Uuid;

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
    let scope = |token: &&String| is_access(token);
    let access = tokens.iter().rfind(scope).expect("an access token");
    let refresh = tokens.iter().rfind(|token| !scope(token)).expect("a refresh token");
    direct::as_before(&stage.sql, &stage.deployment, stage.workspace, stage.account, (access, refresh)).await;
}

/// Whether a token of the simulator is an access token: its claims say so.
fn is_access(token: &str) -> bool {
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

/// Processes that make a workspace's first data key at the same time end with one, and all they have sealed opens.
#[tokio::test]
async fn sidecars_that_make_a_key_at_once_end_with_one() {
    let sim = Sim::start();
    let database = Database::shared().await;
    let sql = database.connect().await;
    let deployment = Deployment::init(&database.url(SIDECAR_ROLE));
    let workspace = create_workspace(&sql).await;
    let handles: Vec<String> = (0..4).map(|n| format!("at-once-{n}.test")).collect();
    for handle in &handles {
        sim.add_bluesky_account(handle, PASSWORD);
    }
    std::thread::scope(|scope| {
        for handle in &handles {
            scope.spawn(|| deployment.add_account(workspace, handle, &sim.bluesky_url(), PASSWORD));
        }
    });
    assert_eq!((formats(&sql).await, wrapped(&sql).await), ("2 4".into(), "1: 1".into()));
    // a new one for each means that all were opened
    let rotated = done(&deployment, &["keys", "rotate", "--data-keys"]);
    assert!(rotated.contains("made 1 new") && rotated.contains("sealed 4 value(s) anew"), "{rotated}");
    assert_eq!(wrapped(&sql).await, "1: 2");
    let states =
        "SELECT string_agg(state || ' ' || (retired_at IS NULL), ', ' ORDER BY state) FROM crier.data_key";
    assert_eq!(sql.text(states).await, "active true, retired false");
}

/// The rules of the table, whoever calls.
#[tokio::test]
async fn a_workspace_has_one_active_data_key() {
    let sql = Database::shared().await.connect().await;
    let workspace = create_workspace(&sql).await;
    let add = async |workspace: Option<Uuid>, id: u128, replaces: Option<u128>| -> bool {
        let call = "SELECT crier.add_data_key($1, $2, decode('0202' || repeat('07', 76), 'hex'), $3)";
        sql.value(call, &[&Uuid::from_u128(id), &workspace, &replaces.map(Uuid::from_u128)]).await
    };
    for whose in [Some(workspace), None] {
        let base = if whose.is_some() { 10 } else { 20 };
        assert!(add(whose, base + 1, None).await);
        assert!(!add(whose, base + 2, None).await, "expected a second one to be refused");
        assert!(!add(whose, base + 2, Some(base + 9)).await, "expected an unknown one not to be replaced");
        assert!(add(whose, base + 2, Some(base + 1)).await);
        assert!(!add(whose, base + 3, Some(base + 1)).await, "expected a retired one not to be replaced");
        let sealing = "SELECT id, messages FROM crier.begin_sealing($1, $2)";
        for (count, total) in [(5_i64, 5_i64), (0, 5), (7, 12)] {
            let row = sql.row(sealing, &[&whose, &count]).await;
            assert_eq!((row.get::<_, Uuid>(0), row.get::<_, i64>(1)), (Uuid::from_u128(base + 2), total));
        }
    }
    // nor does one workspace replace another's
    let other = create_workspace(&sql).await;
    assert!(!add(Some(other), 31, Some(12)).await);
}
