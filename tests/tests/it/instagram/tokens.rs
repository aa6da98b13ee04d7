//! Tokens of both logins.

use crier_tests::sim::fault::{Fault, Rule};

use super::*;

#[tokio::test]
async fn an_expired_token_is_renewed_once() {
    let (sim, stage) = simulated().await;
    assert_eq!(sim.calls("refresh"), 1, "expected the token to be renewed when the account was connected");
    sim.platform("instagram").expire(HANDLE);
    let _crierd = stage.deployment.start().await;
    let post = post_image(&stage, "renewed").await;
    let target = stage.published_once(&sim, post, "renewed").await;
    assert_eq!((&target["attempts"], sim.calls("refresh")), (&json!(1), 2), "{target}");
    let generation = "SELECT generation FROM crier.credential";
    assert_eq!(stage.sql.text(generation).await, "2");
    no_token_is_told(&sim, &stage);
}

#[tokio::test]
async fn a_young_token_that_is_refused_once_is_not_given_up() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    sim.plan(Rule::once("instagram", PUBLISH, Fault::Unauthorized));
    let post = post_image(&stage, "kept").await;
    let target = stage.published_once(&sim, post, "kept").await;
    assert_eq!(target["attempts"], 2, "{target}");
    assert_eq!(stage.sql.text("SELECT status FROM crier.accounts").await, "active");
}

#[tokio::test]
async fn posts_wait_while_the_grant_is_taken_away() {
    let (sim, stage) = simulated().await;
    sim.platform("instagram").revoke(HANDLE);
    let _crierd = stage.deployment.start().await;
    let post = post_image(&stage, "kept").await;
    stage.waits(post, "auth_revoked").await;
    let status = "SELECT status FROM crier.accounts";
    assert_eq!(stage.sql.text(status).await, "reauth_required");
    let told = "SELECT count(*) FROM crier.events WHERE kind = 'token_refresh_failed'";
    assert_eq!(stage.sql.text(told).await, "1", "expected to be told once");
    assert_eq!((sim.ledger().len(), sim.calls(PUBLISH)), (0, 0));
}

#[tokio::test]
async fn a_page_publishes_until_its_token_is_taken_away() {
    let (sim, stage) = simulated_with(json!({ "login": "facebook" })).await;
    let _crierd = stage.deployment.start().await;
    let post = post_image(&stage, "by a page").await;
    stage.published_once(&sim, post, "by a page").await;
    let ends = "SELECT expires_at IS NULL FROM crier.credential";
    assert_eq!(stage.sql.text(ends).await, "t", "expected a token without an end");
    sim.platform("instagram").expire(HANDLE);
    let post = post_image(&stage, "kept").await;
    stage.waits(post, "auth_revoked").await;
    assert_eq!(stage.sql.text("SELECT status FROM crier.accounts").await, "reauth_required");
    assert_eq!(sim.calls("refresh"), 0);
    no_token_is_told(&sim, &stage);
}

#[tokio::test]
async fn the_token_of_another_account_is_refused() {
    let (sim, stage) = simulated().await;
    let server = sim.url_of("instagram");
    let workspace = stage.workspace.to_string();
    let add = |handle: &str, token: &str| {
        let arguments = [
            "account",
            "add",
            "instagram",
            "--workspace",
            &workspace,
            "--handle",
            handle,
            "--server",
            &server,
        ];
        stage.deployment.run(&arguments, &format!("{token}\n"))
    };
    for (handle, token, why) in
        [("bob.test", TOKEN, "belongs to alice.test"), (HANDLE, "another-canary", "access token")]
    {
        let printed = add(handle, token);
        assert!(!printed.status.success() && printed.stderr.contains(why), "{printed:?}");
        assert!(!printed.stderr.contains("canary"), "{printed:?}");
    }
    assert_eq!(stage.sql.text("SELECT count(*) FROM crier.accounts").await, "1");
}
