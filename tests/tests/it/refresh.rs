//! Tokens are renewed before anybody needs them: once, whoever wants it, and without losing one to a crash.

mod api;
mod crashes;
mod due;
mod elsewhere;
mod journal;
mod many;
mod resting;
mod together;

use crier_tests::backdoor;
use crier_tests::cluster::{Database, SIDECAR_ROLE};
use crier_tests::crierd::Crierd;
use crier_tests::sim::Sim;
use crier_tests::stage::Stage;
use crier_tests::wait::wait_until;
use serde_json::{Value, json};

const REFRESH: &str = "oauth2.token";
const HANDLE: &str = "alice";
const TOKENS: &str = "first-access-canary:first-refresh-canary";
const API_KEY: &str = "canary-key-for-the-api-0123456789";

/// An account on a simulated X, where a refresh token that comes twice ends the grant.
async fn strict(database: Database) -> (Sim, Stage) {
    let url = database.url(SIDECAR_ROLE);
    strict_by(database, &url).await
}

/// The same with a sidecar that reaches the database by this address.
async fn strict_by(database: Database, url: &str) -> (Sim, Stage) {
    let sim = Sim::start();
    sim.be_strict();
    sim.add_account("x", HANDLE, TOKENS);
    let stage = Stage::connected_by("x", database, url, HANDLE, &sim.url_of("x"), TOKENS).await;
    (sim, stage)
}

/// A sidecar that asks every second what is due.
async fn start(stage: &Stage) -> Crierd {
    start_with(stage, &[]).await
}

async fn start_with(stage: &Stage, variables: &[(&str, &str)]) -> Crierd {
    let usual = [("CRIER_X_CLIENT_ID", "the-app"), ("CRIER_REFRESH_EVERY", "1s")];
    let all: Vec<_> = usual.iter().chain(variables).copied().collect();
    stage.deployment.start_with(&all).await
}

async fn generation(stage: &Stage) -> String {
    stage.sql.text("SELECT generation FROM crier.credential").await
}

async fn reaches(stage: &Stage, expected: &str) {
    wait_until("the generation of the credential", expected.to_owned(), async || generation(stage).await)
        .await;
}

/// The payload of the newest event of a kind.
async fn event(stage: &Stage, kind: &str) -> Value {
    let sql = "SELECT payload FROM crier.events WHERE kind = $1 ORDER BY id DESC LIMIT 1";
    stage.sql.value(sql, &[&kind]).await
}

/// What waits in the journal.
fn journal(stage: &Stage) -> Vec<std::path::PathBuf> {
    let dir = stage.deployment.dir().join("refresh-journal");
    let entries = std::fs::read_dir(dir).map(|entries| entries.flatten().map(|entry| entry.path()));
    entries.map(Iterator::collect).unwrap_or_default()
}

/// A post goes out with the tokens that are stored.
async fn publishes(sim: &Sim, stage: &Stage, text: &str) {
    let post = stage.post(text).await;
    stage.published(post).await;
    assert_eq!(sim.visible(text).len(), 1, "{text}");
}

/// No token is in what was logged, and none is in the journal in clear.
fn no_token_is_told(sim: &Sim, stage: &Stage) {
    let mut told = stage.deployment.logs();
    for path in journal(stage) {
        told.push_str(&std::fs::read_to_string(path).unwrap_or_default());
    }
    for token in sim.issued_tokens() {
        assert!(!told.contains(&token), "a token is in the log or in the journal");
    }
}
