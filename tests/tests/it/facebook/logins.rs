//! Tokens of pages, by hand and by Facebook's login.

use crier_tests::browser::Browser;
use crier_tests::connecting::{APPLICATION, Connecting};

use super::*;

#[tokio::test]
async fn posts_wait_while_the_grant_is_taken_away() {
    let (sim, stage) = simulated().await;
    let ends = "SELECT expires_at IS NULL FROM crier.credential";
    assert_eq!(stage.sql.text(ends).await, "t", "expected a token without an end");
    sim.platform("facebook").expire(HANDLE);
    let _crierd = stage.deployment.start().await;
    let post = post(&stage, "kept", images(1), json!({})).await;
    stage.waits(post, "auth_revoked").await;
    assert_eq!(stage.sql.text("SELECT status FROM crier.accounts").await, "reauth_required");
    assert_eq!((sim.ledger().len(), sim.calls(FEED)), (0, 0));
    sim.add_account("facebook", HANDLE, "EAAP-new-canary");
    let server = sim.url_of("facebook");
    stage.deployment.add_account_on("facebook", stage.workspace, HANDLE, &server, "EAAP-new-canary");
    stage.published_once(&sim, post, "kept").await;
}

#[tokio::test]
async fn the_token_of_another_page_is_refused() {
    let (sim, stage) = simulated().await;
    let (server, workspace) = (sim.url_of("facebook"), stage.workspace.to_string());
    sim.add_account("facebook", "closed", "closed-canary");
    for (handle, token, errors, why) in [
        ("other", TOKEN, json!({}), "belongs to acme"),
        (HANDLE, "unknown-canary", json!({}), "access token"),
        // nothing could be looked for
        ("closed", "closed-canary", json!({"post.list": 10}), "permission"),
    ] {
        set(&sim, json!({ "errors": errors }));
        let arguments = [
            "account",
            "add",
            "facebook",
            "--workspace",
            &workspace,
            "--handle",
            handle,
            "--server",
            &server,
        ];
        let printed = stage.deployment.run(&arguments, &format!("{token}\n"));
        assert!(!printed.status.success() && printed.stderr.contains(why), "{printed:?}");
        assert!(!printed.stderr.contains("canary"), "{printed:?}");
    }
    assert_eq!(stage.sql.text("SELECT count(*) FROM crier.accounts").await, "1");
}

#[tokio::test]
async fn pages_are_chosen_on_a_page_and_publish() {
    let mut test = Connecting::on(Database::shared().await).await;
    test.pages_are_facebooks();
    for handle in ["acme", "bakery", "cinema"] {
        test.person("facebook", handle);
    }
    set(&test.sim, json!({"page_size": 2}));
    let _crierd = test.start().await;
    let browser = Browser::new();
    let page = test.log_in_with(&browser, "facebook", None, None).await;
    assert_eq!(page.status, 200, "{page:?}");
    let action = page.after("action=\"").expect("an action");
    let choice = page.after("name=\"choice\" value=\"").expect("a choice");
    let ids = page.all_after("name=\"account\" value=\"");
    assert_eq!(ids.len(), 3, "{}", page.text);
    let form = [("choice", choice.as_str()), ("account", &ids[0]), ("account", &ids[1])];
    let done = browser.submit(&action, &form, APPLICATION).await;
    let done = test.confirmed(&browser, done).await;
    let accounts = test.connected(&done);
    assert_eq!(accounts.len(), 2);
    for account in &accounts {
        assert!(test.account(*account).await.ends_with(" active 1 t"), "{}", test.account(*account).await);
        let sql = "SELECT crier.create_post($1, $2, ARRAY[$3::uuid])";
        let text = format!("from {account}");
        let _: Uuid = test.owner.value(sql, &[&test.workspace, &text, account]).await;
        wait_until("the posts that are there", 1, async || test.sim.visible(&text).len()).await;
    }

    // without the right to publish nothing works
    test.consent("facebook", &json!({"approve_as": "acme", "withhold": ["pages_manage_posts"]}));
    let page = test.log_in("facebook", None, None).await;
    assert_eq!(page.param("crier_error").as_deref(), Some("missing_scopes"), "{page:?}");
    // without that to comment all else does; who has to log in again does not choose
    test.consent("facebook", &json!({"approve_as": "acme", "withhold": ["pages_manage_engagement"]}));
    let page = test.log_in("facebook", None, Some(accounts[0])).await;
    assert_eq!(test.connected(&page), [accounts[0]]);
    assert_eq!(page.param("crier_missing").as_deref(), Some("pages_manage_engagement"));
}

/// The targets of a post with a comment, once the last has come to its end.
async fn ended(test: &Connecting, post: Uuid) -> Vec<Value> {
    wait_for("the comment to come to its end", SOON, async || {
        backdoor::age_intents(&test.sql).await;
        backdoor::make_retries_due(&test.sql).await;
        let shown: Value = test.owner.value("SELECT crier.get_post($1)", &[&post]).await;
        let targets = shown["targets"].as_array().cloned().unwrap_or_default();
        let is_done =
            |target: &Value| ["published", "unconfirmed", "failed"].iter().any(|end| target["state"] == *end);
        if targets.iter().all(is_done) { Ok(targets) } else { Err(targets) }
    })
    .await
}

#[tokio::test]
async fn a_lost_comment_of_a_connected_page_is_looked_for_where_it_may_be() {
    let mut test = Connecting::on(Database::shared().await).await;
    test.pages_are_facebooks();
    test.person("facebook", HANDLE);
    set(&test.sim, json!({"insights": {"shares": 3}}));
    let _crierd = test.start().await;
    let page = test.log_in("facebook", None, None).await;
    let account = test.connected(&page)[0];
    let comment = async |text: &str| -> Uuid {
        test.sim.plan(Rule::once("facebook", "comment.create", Fault::DropAfterCommit));
        let sql = "SELECT crier.create_post($1, $2, ARRAY[$3::uuid], first_comment => 'and this')";
        test.owner.value(sql, &[&test.workspace, &text, &account]).await
    };
    let targets = ended(&test, comment("with a comment").await).await;
    assert_eq!(targets[1]["state"], "published", "{targets:?}");
    assert_eq!((test.sim.ledger().len(), test.sim.calls("comment.create")), (2, 1));

    // who keeps that right back is asked: no login would help that gives no more
    test.consent("facebook", &json!({"approve_as": HANDLE, "withhold": ["pages_read_user_content"]}));
    let page = test.log_in("facebook", None, Some(account)).await;
    assert_eq!(page.param("crier_missing").as_deref(), Some("pages_read_user_content"));
    let post = comment("with another").await;
    let targets = ended(&test, post).await;
    assert_eq!(targets[1]["state"], "unconfirmed", "{targets:?}");
    assert_eq!((test.sim.ledger().len(), test.sim.calls("comment.create")), (4, 2));
    assert!(test.account(account).await.contains(" active "), "{}", test.account(account).await);
    // and the figures are those that may be read
    let id: Uuid = targets[0]["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let _: Uuid = test.owner.value("SELECT crier.read_metrics($1)", &[&id]).await;
    wait_until("the figures", json!([3, null]), async || {
        let shown: Value = test.owner.value("SELECT crier.get_post($1)", &[&post]).await;
        json!(["shares", "replies"].map(|name| shown["targets"][0]["metrics"][name].clone()))
    })
    .await;
}
