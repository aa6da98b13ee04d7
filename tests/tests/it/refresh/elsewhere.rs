//! Whoever can write to the database gives an account another address, and gets no token by it.

use crier_tests::wait::{SOON, wait_for};

use super::*;

/// Points the stage's account at another server.
async fn redirect(stage: &Stage, server: &str) {
    stage.sql.rows("UPDATE crier.social_account SET base_url = $1", &[&server]).await;
}

/// What the only account waits for.
async fn asks_for_a_login(stage: &Stage) -> String {
    wait_until("the status of the account", "reauth_required".to_owned(), async || {
        stage.sql.text("SELECT status FROM crier.accounts").await
    })
    .await;
    stage.sql.text("SELECT status_reason FROM crier.accounts").await
}

#[tokio::test]
async fn tokens_are_sent_to_no_other_server_than_their_own() {
    let (sim, evil) = (Sim::start(), Sim::start());
    let stage = Stage::on_simulator(&sim, Database::shared().await).await;
    evil.add_bluesky_account("alice.test", crier_tests::stage::PASSWORD);
    let (home, elsewhere) = (sim.bluesky_url(), evil.bluesky_url());
    redirect(&stage, &elsewhere).await;
    backdoor::make_refreshes_due(&stage.sql).await;
    let _crierd = start(&stage).await;
    let reason = asks_for_a_login(&stage).await;
    assert!(reason.contains(&home) && reason.contains(&elsewhere), "{reason}");
    assert!(reason.contains("connect the account again"), "{reason}");
    // nor does a job send them
    stage.sql.run("UPDATE crier.social_account SET status = 'active', status_reason = NULL").await;
    let post = stage.post("for its own server").await;
    let error = wait_for("the job to be refused", SOON, async || {
        let target = stage.target(post).await;
        if target["error"].is_null() { Err(target) } else { Ok(target["error"].clone()) }
    })
    .await;
    assert_eq!(error["class"], "auth_revoked", "{error}");
    assert_eq!(evil.call_names(), Vec::<String>::new(), "expected nothing to be sent there");
    // the positive control: a login brings its own address, and what waited goes out
    stage.deployment.add_account(stage.workspace, "alice.test", &home, crier_tests::stage::PASSWORD);
    stage.published(post).await;
    assert_eq!(sim.visible("for its own server").len(), 1);
}

#[tokio::test]
async fn the_secret_of_the_app_is_sent_to_the_server_of_the_platform_only() {
    let evil = Sim::start();
    let (sim, stage) = strict(Database::shared().await).await;
    redirect(&stage, &evil.url_of("x")).await;
    backdoor::make_refreshes_due(&stage.sql).await;
    let _crierd = start(&stage).await;
    let failed = "SELECT failed_with FROM crier.expiring_tokens";
    wait_until("the failure", "config".to_owned(), async || stage.sql.text(failed).await).await;
    let told = event(&stage, "token_refresh_failed").await;
    let message = told["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("is no server of x") && message.contains("platforms.x.server"), "{told}");
    assert_eq!(evil.call_names(), Vec::<String>::new(), "expected nothing to be sent there");
    redirect(&stage, &sim.url_of("x")).await;
    backdoor::make_refreshes_due(&stage.sql).await;
    reaches(&stage, "2").await;
    // nor does anybody connect an account there
    let printed = stage
        .deployment
        .command()
        .args(["account", "add", "x", "--workspace"])
        .arg(stage.workspace.to_string())
        .args(["--handle", HANDLE, "--server", &evil.url_of("x")])
        .output()
        .expect("crierd");
    let said = String::from_utf8_lossy(&printed.stderr).into_owned();
    assert!(!printed.status.success() && said.contains("is no server of x"), "{said}");
}

#[tokio::test]
async fn tokens_of_an_older_version_that_name_no_server_are_sent_to_none_but_the_usual_one() {
    let sim = Sim::start();
    let stage = Stage::on_simulator(&sim, Database::shared().await).await;
    let key = crier_tests::direct::first_key(&stage.deployment);
    let tokens = ("canary-access", "canary-refresh");
    let sealed = crier_tests::direct::sealed(&key, stage.workspace, stage.account, 1, tokens, None);
    stage.sql.rows("UPDATE crier.credential SET sealed = $1", &[&sealed]).await;
    let before = sim.call_names().len();
    backdoor::make_refreshes_due(&stage.sql).await;
    let _crierd = start(&stage).await;
    let reason = asks_for_a_login(&stage).await;
    assert!(reason.contains("an older version") && reason.contains("connect the account again"), "{reason}");
    assert_eq!(sim.call_names().len(), before);
}
