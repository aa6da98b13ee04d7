//! Logins and tokens: the name of the app's id, scopes with commas, refusals with the status of a success, refresh tokens that are
//! good once.

use crier_tests::connecting::Connecting;

use super::*;

const REFRESH: &str = "token";

#[tokio::test]
async fn an_expired_token_is_renewed_and_so_is_the_refresh_token() {
    let (sim, stage) = simulated().await;
    sim.be_strict();
    let _crierd = start(&stage).await;
    for (text, media, refreshes) in [("a video", film(), 1), ("photos", photos(), 2)] {
        sim.platform("tiktok").expire("alice");
        let post = post(&stage, text, &media, to_all()).await;
        let target = stage.published_once(&sim, post, text).await;
        assert_eq!((&target["attempts"], sim.calls(REFRESH)), (&json!(1), refreshes), "{target}");
    }
    let ends = "SELECT expires_at - now() BETWEEN interval '1 hour' AND interval '2 hours', \
                refresh_expires_at - now() BETWEEN interval '179 days' AND interval '180 days' FROM crier.credential";
    assert_eq!(stage.sql.text(ends).await, "t|t", "expected the database to know when tokens end");
    no_token_is_told(&sim, &stage);
}

#[tokio::test]
async fn posts_wait_while_the_grant_is_taken_away() {
    let (sim, stage) = simulated().await;
    sim.platform("tiktok").revoke("alice");
    let _crierd = start(&stage).await;
    let post = post(&stage, "kept", &film(), to_all()).await;
    stage.waits(post, "auth_revoked").await;
    assert_eq!(stage.sql.text("SELECT status FROM crier.accounts").await, "reauth_required");
    assert!(sim.ledger().is_empty());
    let anew = "second-access:second-refresh";
    sim.add_account("tiktok", "alice", anew);
    let server = sim.url_of("tiktok");
    stage.deployment.add_account_on("tiktok", stage.workspace, "alice", &server, anew);
    stage.published_once(&sim, post, "kept").await;
}

#[tokio::test]
async fn a_refresh_whose_answer_is_lost_is_not_sent_twice() {
    let (sim, stage) = simulated().await;
    sim.be_strict();
    sim.plan(Rule::once("tiktok", REFRESH, Fault::DropAfterCommit));
    backdoor::make_refreshes_due(&stage.sql).await;
    let _crierd = start(&stage).await;
    wait_until("the failed refresh", "1".to_owned(), async || {
        stage.sql.text("SELECT count(*) FROM crier.events WHERE kind = 'token_refresh_failed'").await
    })
    .await;
    // the account lives on the access token that it has
    let post = post(&stage, "meanwhile", &film(), to_all()).await;
    stage.published_once(&sim, post, "meanwhile").await;
    assert_eq!(sim.calls(REFRESH), 1);
}

#[tokio::test]
async fn the_tokens_of_another_account_are_refused() {
    let (sim, stage) = simulated().await;
    let (server, workspace) = (sim.url_of("tiktok"), stage.workspace.to_string());
    let head = ["account", "add", "tiktok", "--workspace", &workspace, "--server", &server, "--handle"];
    for (handle, tokens, why) in
        [("bob", TOKENS, "is of @alice"), ("alice", "another-canary", "access token is invalid")]
    {
        let printed = stage.deployment.run(&[&head[..], &[handle]].concat(), &format!("{tokens}\n"));
        assert!(!printed.status.success() && printed.stderr.contains(why), "{printed:?}");
        assert!(!printed.stderr.contains("canary"), "{printed:?}");
    }
}

#[tokio::test]
async fn an_account_is_connected_and_publishes() {
    let test = Connecting::on(Database::shared().await).await;
    let id = test.person("tiktok", "alice");
    let _crierd = test.start().await;
    let page = test.log_in("tiktok", None, None).await;
    let account = test.connected(&page)[0];
    assert_eq!(test.account(account).await, "tiktok alice active 1 t");
    assert_eq!(test.sql.text("SELECT external_id FROM crier.social_account").await, id);
    assert_eq!(page.param("crier_missing"), None);
    let sql = "SELECT crier.create_post($1, 'from a login', ARRAY[$2::uuid], media => $3, settings => $4)";
    let settings = json!({"tiktok": to_all()});
    let _: Uuid = test.owner.value(sql, &[&test.workspace, &account, &film(), &settings]).await;
    wait_until("the number of videos", 1, async || test.sim.visible("from a login").len()).await;

    test.consent("tiktok", &json!({"approve_as": "alice", "withhold": ["video.list"]}));
    let page = test.log_in("tiktok", None, Some(account)).await;
    assert_eq!(page.param("crier_missing").as_deref(), Some("video.list"));
    test.consent("tiktok", &json!({"approve_as": "alice", "withhold": ["video.publish"]}));
    let page = test.log_in("tiktok", None, Some(account)).await;
    assert_eq!(page.param("crier_error").as_deref(), Some("missing_scopes"), "{page:?}");
    assert_eq!(test.account(account).await, "tiktok alice active 2 t");
}
