//! What an application sees of its posts: when they appear, what became of each, and what happened to the account.

use crier_tests::cluster::Database;
use crier_tests::images::{data_url, png};
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::{PASSWORD, Stage, dummy_sealed};
use crier_tests::wait::wait_until;
use serde_json::{Value, json};
use uuid::Uuid;

async fn simulated() -> (Sim, Stage) {
    let sim = Sim::start();
    let stage = Stage::on_simulator(&sim, Database::shared().await).await;
    (sim, stage)
}

async fn state(stage: &Stage, post: Uuid) -> String {
    stage.sql.value("SELECT state FROM crier.posts WHERE id = $1", &[&post]).await
}

#[tokio::test]
async fn a_post_appears_at_its_time() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let sql = "SELECT crier.create_post($1, 'in time', ARRAY[$2::uuid], now() + interval '2 seconds')";
    let post = stage.sql.value(sql, &[&stage.workspace, &stage.account]).await;
    assert_eq!(state(&stage, post).await, "scheduled");
    stage.published(post).await;
    assert_eq!(state(&stage, post).await, "published");
    let at = &sim.ledger()[0].at;
    let late = "SELECT extract(epoch FROM $1::text::timestamptz - scheduled_at)::float8 FROM crier.posts WHERE id = $2";
    let late: f64 = stage.sql.value(late, &[at, &post]).await;
    // the ledger counts whole milliseconds
    assert!(
        (-0.001..10.0).contains(&late),
        "expected the post at its time or soon after, it was {late} s late"
    );
    let events =
        stage.sql.text("SELECT kind, payload ->> 'url' IS NOT NULL FROM crier.events ORDER BY id").await;
    assert_eq!(events, "account_connected|f\npost_published|t");
}

#[tokio::test]
async fn every_target_tells_its_own_outcome() {
    let (sim, stage) = simulated().await;
    sim.add_bluesky_account("bob.test", PASSWORD);
    let bob = stage.deployment.add_account(stage.workspace, "bob.test", &sim.bluesky_url(), PASSWORD);
    // a credential that can't be opened
    let spoil = "UPDATE crier.credential SET sealed = $1 WHERE account_id = $2";
    stage.sql.rows(spoil, &[&dummy_sealed(), &bob]).await;
    let _crierd = stage.deployment.start().await;
    let sql = "SELECT crier.create_post($1, 'to both', ARRAY[$2::uuid, $3])";
    let post: Uuid = stage.sql.value(sql, &[&stage.workspace, &stage.account, &bob]).await;
    wait_until("the state of the post", "partly_published".to_owned(), async || state(&stage, post).await)
        .await;
    let seen: Value = stage.sql.value("SELECT crier.get_post($1)", &[&post]).await;
    let target = |account: Uuid| {
        let targets = seen["targets"].as_array().into_iter().flatten();
        targets.clone().find(|target| target["account_id"] == json!(account)).expect("the target").clone()
    };
    let (good, bad) = (target(stage.account), target(bob));
    assert_eq!((&good["state"], &good["handle"]), (&json!("published"), &json!("alice.test")));
    assert!(good["url"].as_str().is_some_and(|url| url.starts_with("https://bsky.app/profile/")), "{good}");
    assert_eq!((&bad["state"], &bad["error"]["class"]), (&json!("failed"), &json!("config")), "{bad}");
    assert_eq!(sim.ledger().len(), 1);
    let counts = format!("SELECT targets, published, failed FROM crier.posts WHERE id = '{post}'");
    assert_eq!(stage.sql.text(&counts).await, "2|1|1");
}

#[tokio::test]
async fn a_grant_that_was_taken_away_asks_for_a_new_login() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    sim.revoke("alice.test");
    let post = stage.post("without a grant").await;
    let target = stage.reached(post, "failed").await;
    assert_eq!(target["error"]["class"], "auth_revoked", "{target}");
    let status = "SELECT status FROM crier.accounts";
    assert_eq!(stage.sql.text(status).await, "reauth_required");
    let events = "SELECT count(*) FROM crier.events WHERE kind = 'token_refresh_failed'";
    assert_eq!(stage.sql.text(events).await, "1", "expected to be told once");
    let refused =
        format!("SELECT crier.create_post('{}', 'x', ARRAY['{}'::uuid])", stage.workspace, stage.account);
    assert_eq!(stage.sql.refusal(&refused).await.code, "22023");

    let again = stage.deployment.add_account(stage.workspace, "alice.test", &sim.bluesky_url(), PASSWORD);
    assert_eq!(again, stage.account);
    assert_eq!(stage.sql.text(status).await, "active");
    let post = stage.post("with a new one").await;
    stage.published(post).await;
    assert_eq!(sim.ledger().len(), 1);
}

#[tokio::test]
async fn many_posts_of_one_account_need_one_refresh() {
    let (sim, stage) = simulated().await;
    sim.plan(Rule::once("bluesky", "com.atproto.repo.putRecord", Fault::ExpiredToken).times(5));
    let mut posts = Vec::new();
    for n in 0..5 {
        posts.push(stage.post(&format!("post {n}")).await);
    }
    let _crierd = stage.deployment.start().await;
    for post in posts {
        stage.published(post).await;
    }
    assert_eq!(sim.ledger().len(), 5);
    let refreshes = sim.calls("com.atproto.server.refreshSession");
    assert!((1..=5).contains(&refreshes), "expected at most one refresh for a token, made were {refreshes}");
    let generation = stage.sql.text("SELECT generation FROM crier.credential").await;
    assert_eq!(generation, (1 + refreshes).to_string(), "expected every refreshed credential to be stored");
}

#[tokio::test]
async fn a_retry_goes_on_where_the_first_try_ended() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    sim.plan(Rule::once("bluesky", "com.atproto.repo.putRecord", Fault::RateLimited).seconds(1.0));
    let media = json!([{"url": data_url("image/png", &png(4, 3, [1, 2, 3])), "alt": "kept"}]);
    let post = stage.post_with("limited", &media).await;
    let target = stage.published(post).await;
    assert_eq!(target["attempts"], 1, "expected a limit to use up no attempt: {target}");
    assert_eq!(sim.calls("com.atproto.repo.uploadBlob"), 1, "expected the image to be uploaded once");
    assert_eq!(sim.ledger()[0].images[0].alt, "kept");
}
