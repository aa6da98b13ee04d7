//! What is renewed ahead of need, and what becomes of refreshes that fail.

use crier_tests::seal::Key;
use crier_tests::sim::fault::{Fault, Rule};

use super::*;

#[tokio::test]
async fn a_token_is_renewed_before_anybody_needs_it() {
    let (sim, stage) = strict(Database::shared().await).await;
    let ahead = "SELECT expires_at - refresh_at BETWEEN interval '29 minutes' AND interval '46 minutes' FROM crier.credential";
    assert_eq!(
        stage.sql.text(ahead).await,
        "t",
        "expected two hours to be renewed half an hour before their end"
    );
    let crierd = start(&stage).await;
    publishes(&sim, &stage, "with the first token").await;
    assert_eq!(
        (sim.calls(REFRESH), generation(&stage).await.as_str()),
        (0, "1"),
        "expected nothing to be due"
    );
    backdoor::make_refreshes_due(&stage.sql).await;
    reaches(&stage, "2").await;
    let told = event(&stage, "token_refreshed").await;
    assert_eq!(told["generation"], 2, "{told}");
    assert!(told["expires_at"].as_str().is_some_and(|at| at.ends_with('Z')), "{told}");
    assert_eq!(stage.sql.text(ahead).await, "t");
    publishes(&sim, &stage, "with the second token").await;
    crierd.terminate();
    assert!(crierd.ended().await.success());
    assert_eq!(sim.calls(REFRESH), 1);
    assert_eq!(
        journal(&stage),
        Vec::<std::path::PathBuf>::new(),
        "expected nothing to be left in the journal"
    );
    let log = stage.deployment.logs();
    assert!(log.contains("expiring tokens were refreshed"), "{log}");
    no_token_is_told(&sim, &stage);
}

#[tokio::test]
async fn a_refresh_that_fails_is_told_once_and_tried_later() {
    let (sim, stage) = strict(Database::shared().await).await;
    // without an app nothing can be renewed
    let crierd = stage.deployment.start_with(&[("CRIER_REFRESH_EVERY", "1s")]).await;
    let failures = "SELECT refresh_failures FROM crier.credential";
    for count in ["1", "2", "3"] {
        backdoor::make_refreshes_due(&stage.sql).await;
        wait_until("the number of failures", count.to_owned(), async || stage.sql.text(failures).await).await;
    }
    let told = event(&stage, "token_refresh_failed").await;
    assert_eq!((&told["class"], &told["needs_login"]), (&json!("config"), &json!(false)), "{told}");
    assert!(
        told["error"]["message"].as_str().is_some_and(|text| text.contains("platforms.x.client_id")),
        "{told}"
    );
    let count = "SELECT count(*) FROM crier.events WHERE kind = 'token_refresh_failed'";
    assert_eq!(stage.sql.text(count).await, "1", "expected the same failure to be told once");
    let later = "SELECT refresh_at > now() + interval '30 minutes' FROM crier.credential";
    assert_eq!(stage.sql.text(later).await, "t", "expected longer and longer waits");
    assert_eq!(stage.sql.text("SELECT failed_with FROM crier.expiring_tokens").await, "config");
    assert_eq!(
        (sim.calls(REFRESH), stage.sql.text("SELECT status FROM crier.accounts").await.as_str()),
        (0, "active")
    );
    drop(crierd);
    let _crierd = start(&stage).await;
    backdoor::make_refreshes_due(&stage.sql).await;
    reaches(&stage, "2").await;
    assert_eq!(stage.sql.text(failures).await, "0");
}

#[tokio::test]
async fn a_limit_of_the_platform_is_waited_for() {
    let (sim, stage) = strict(Database::shared().await).await;
    sim.plan(Rule::once("x", REFRESH, Fault::RateLimited).seconds(600.0));
    let _crierd = start(&stage).await;
    backdoor::make_refreshes_due(&stage.sql).await;
    let later =
        "SELECT refresh_failures = 1 AND refresh_at > now() + interval '9 minutes' FROM crier.credential";
    wait_until("the refresh to wait as long as X says", "t".to_owned(), async || stage.sql.text(later).await)
        .await;
    assert_eq!(event(&stage, "token_refresh_failed").await["class"], "rate_limited");
    publishes(&sim, &stage, "with the token that is still good").await;
    assert_eq!(sim.calls(REFRESH), 1);
}

#[tokio::test]
async fn a_token_that_nothing_renews_asks_for_a_login_when_it_has_ended() {
    let sim = Sim::start();
    sim.add_account("x", HANDLE, "only-access-canary");
    let database = Database::shared().await;
    let stage = Stage::connected_on("x", database, HANDLE, &sim.url_of("x"), "only-access-canary").await;
    let _crierd = start(&stage).await;
    backdoor::make_refreshes_due(&stage.sql).await;
    let put_off = "SELECT refresh_at = expires_at AND refresh_failures = 0 FROM crier.credential";
    wait_until("the refresh to be put off to the end", "t".to_owned(), async || {
        stage.sql.text(put_off).await
    })
    .await;
    publishes(&sim, &stage, "while the token is good").await;
    assert_eq!(stage.sql.text("SELECT status FROM crier.accounts").await, "active");
    assert_eq!(stage.sql.text("SELECT count(*) FROM crier.events WHERE kind LIKE 'token_%'").await, "0");
    // the same with a token that has ended
    let key = Key::of_file(&stage.deployment.dir().join("crier.key"));
    let plain =
        json!({"access_jwt": "only-access-canary", "refresh_jwt": "", "expires_at": 1_000, "server": sim.url_of("x")}).to_string();
    let sealed = key.seal(stage.workspace, stage.account, &plain);
    stage.sql.rows("UPDATE crier.credential SET sealed = $1", &[&sealed]).await;
    backdoor::make_refreshes_due(&stage.sql).await;
    let status = "SELECT status FROM crier.accounts";
    wait_until("the status of the account", "reauth_required".to_owned(), async || {
        stage.sql.text(status).await
    })
    .await;
    let reason = stage.sql.text("SELECT status_reason FROM crier.accounts").await;
    assert!(reason.contains("has no refresh token"), "{reason}");
    assert_eq!(sim.calls(REFRESH), 0);
}

#[tokio::test]
async fn a_refused_refresh_ends_the_account_and_says_why() {
    let (sim, stage) = strict(Database::shared().await).await;
    sim.platform("x").revoke(HANDLE);
    let _crierd = start(&stage).await;
    backdoor::make_refreshes_due(&stage.sql).await;
    let status = "SELECT status FROM crier.accounts";
    wait_until("the status of the account", "reauth_required".to_owned(), async || {
        stage.sql.text(status).await
    })
    .await;
    let told = event(&stage, "token_refresh_failed").await;
    assert_eq!((&told["needs_login"], &told["next_try_at"]), (&json!(true), &Value::Null), "{told}");
    let reason = stage.sql.text("SELECT status_reason FROM crier.accounts").await;
    assert!(reason.contains("token was invalid"), "{reason}");
    assert_eq!(stage.sql.text("SELECT refresh_at IS NULL FROM crier.credential").await, "t");
    assert_eq!(sim.calls(REFRESH), 1, "expected nothing more to be tried");
    // a new login ends it
    let sealed = crier_tests::stage::dummy_sealed();
    let stored: bool =
        stage.sql.value("SELECT crier.store_credential($1, 2, $2)", &[&stage.account, &sealed]).await;
    assert!(stored);
    assert_eq!(stage.sql.text("SELECT status, status_reason IS NULL FROM crier.accounts").await, "active|t");
}
