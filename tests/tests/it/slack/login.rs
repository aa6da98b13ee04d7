//! Slack's login: each channel that the bot is in is an account.

use crier_tests::browser::Browser;
use crier_tests::cluster::Database;
use crier_tests::connecting::{APPLICATION, Connecting};

use super::*;

async fn connecting() -> Connecting {
    let test = Connecting::on(Database::shared().await).await;
    test.person(NAME, CHANNEL);
    test
}

/// A post by a connected account, and what of it is there.
async fn published(test: &Connecting, account: Uuid, text: &str) -> usize {
    let sql = "SELECT crier.create_post($1, $2, ARRAY[$3::uuid])";
    let post: Uuid = test.owner.value(sql, &[&test.workspace, &text, &account]).await;
    wait_until("the state of the target", json!("published"), async || {
        backdoor::age_intents(&test.sql).await;
        backdoor::make_retries_due(&test.sql).await;
        let shown: Value = test.owner.value("SELECT crier.get_post($1)", &[&post]).await;
        shown["targets"][0]["state"].clone()
    })
    .await;
    test.sim.visible(text).len()
}

#[tokio::test]
async fn channels_are_chosen_on_a_page() {
    let test = connecting().await;
    set(&test.sim, json!({"channels": ["C0000000033", "G0000000044"]}));
    let _crierd = test.start().await;
    let browser = Browser::new();
    let page = test.log_in_with(&browser, NAME, None, None).await;
    assert_eq!(page.status, 200, "{page:?}");
    let action = page.after("action=\"").expect("an action");
    let choice = page.after("name=\"choice\" value=\"").expect("a choice");
    let ids = page.all_after("name=\"account\" value=\"");
    assert_eq!(ids.len(), 3, "{}", page.text);
    let form = [("choice", choice.as_str()), ("account", &ids[0]), ("account", &ids[2])];
    let done = browser.submit(&action, &form, APPLICATION).await;
    let done = test.confirmed(&browser, done).await;
    let accounts = test.connected(&done);
    assert_eq!(test.account(accounts[0]).await, "slack #c0000000022 active 1 t");
    assert_eq!(test.account(accounts[1]).await, "slack #g0000000044 active 1 t");
    assert_eq!(published(&test, accounts[0], "by a login").await, 1);
    let log = test.deployment.logs();
    assert!(test.sim.issued_tokens().iter().all(|token| !log.contains(token)), "a token stands in the log");
}

#[tokio::test]
async fn a_message_of_a_connected_channel_is_found_again() {
    let test = connecting().await;
    let _crierd = test.start().await;
    let account = test.connected(&test.log_in(NAME, None, None).await)[0];
    test.sim.plan(Rule::once(NAME, POST, Fault::DropAfterCommit));
    assert_eq!(published(&test, account, "said once").await, 1);
    assert_eq!(test.sim.calls(POST), 1);
    // a token has no end
    let ends = "SELECT expires_at IS NULL FROM crier.credential";
    assert_eq!(test.sql.text(ends).await, "t");
    // and a new login is one of the same account
    test.consent(NAME, &json!({"approve_as": CHANNEL, "withhold": ["groups:history"]}));
    let page = test.log_in(NAME, None, Some(account)).await;
    assert_eq!(test.connected(&page), [account]);
    assert_eq!(page.param("crier_missing").as_deref(), Some("groups:history"));
    assert_eq!(test.account(account).await, "slack #c0000000022 active 2 t");
}

#[tokio::test]
async fn a_login_that_comes_to_nothing_says_why() {
    let test = connecting().await;
    let _crierd = test.start().await;
    let refused = async |code: &str| {
        let page = test.log_in(NAME, None, None).await;
        assert_eq!(page.param("crier_error").as_deref(), Some(code), "{page:?}");
    };
    // a bot that nobody has invited
    set(&test.sim, json!({"member": false}));
    refused("no_account").await;
    set(&test.sim, json!({"member": true, "rotates": true}));
    refused("not_configured").await;
    set(&test.sim, json!({"rotates": false}));
    test.consent(NAME, &json!({"approve_as": CHANNEL, "withhold": ["channels:history"]}));
    refused("missing_scopes").await;
    test.consent(NAME, &json!({"approve_as": CHANNEL}));
    for (fault, code) in
        [(Fault::ServerError, "platform_unavailable"), (Fault::Garbage, "platform_unavailable")]
    {
        test.sim.plan(Rule::once(NAME, "oauth.v2.access", fault));
        refused(code).await;
    }
    set(&test.sim, json!({"client_secret": "another"}));
    refused("app_refused").await;
    assert_eq!(test.sql.text("SELECT count(*) FROM crier.accounts").await, "0");
}
