//! Tokens, logins and limits.

use crier_tests::browser::Browser;
use crier_tests::connecting::APPLICATION;
use crier_tests::connecting::Connecting;
use crier_tests::wait::{SOON, wait_for};
use uuid::Uuid;

use super::*;

#[tokio::test]
async fn an_expired_token_is_renewed_where_there_is_a_refresh_token() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    sim.platform(NAME).expire(HANDLE);
    let post = stage.post("after a refresh").await;
    let target = stage.published(post).await;
    assert_eq!((&target["attempts"], sim.calls("oauth2.token")), (&json!(1), 1), "{target}");
    let ends = "SELECT expires_at - now() BETWEEN interval '59 days' AND interval '60 days', \
                refresh_expires_at IS NOT NULL FROM crier.credential";
    assert_eq!(stage.sql.text(ends).await, "t|t");
    // the refresh token was not used up
    sim.platform(NAME).expire(HANDLE);
    let post = stage.post("after another").await;
    stage.published(post).await;
    let log = stage.deployment.logs();
    assert!(sim.issued_tokens().iter().all(|token| !log.contains(token)), "a token is in the log");

    sim.platform(NAME).revoke(HANDLE);
    let post = stage.post("kept").await;
    stage.failed_as(post, "auth_revoked").await;
    assert_eq!(stage.sql.text("SELECT status FROM crier.accounts").await, "reauth_required");
}

#[tokio::test]
async fn without_a_refresh_token_posts_wait_for_a_new_login() {
    let (sim, stage) = simulated_as("alice", "member-access").await;
    let _crierd = start(&sim, &stage).await;
    sim.platform(NAME).expire("alice");
    let post = stage.post("kept").await;
    stage.failed_as(post, "auth_revoked").await;
    assert_eq!(stage.sql.text("SELECT status FROM crier.accounts").await, "reauth_required");
    assert_eq!((sim.calls("oauth2.token"), sim.ledger().len()), (0, 0));
    sim.add_account(NAME, "alice", "another-access");
    let server = sim.url_of(NAME);
    let again = stage.deployment.add_account_on(NAME, stage.workspace, "alice", &server, "another-access");
    assert_eq!(again, stage.account);
    stage.published(post).await;
    assert_eq!(sim.visible("kept").len(), 1);
}

#[tokio::test]
async fn a_token_of_another_account_is_not_taken() {
    let (sim, stage) = simulated_as("alice", "member-access").await;
    sim.add_account(NAME, "bob", "canary-of-bob");
    for (handle, why) in [("alice", "bob"), ("organization:7", "may not publish for the organization 7")] {
        let server = sim.url_of(NAME);
        let printed =
            stage.deployment.try_add_account_on(NAME, stage.workspace, handle, &server, "canary-of-bob");
        assert!(!printed.status.success() && printed.stderr.contains(why), "{printed:?}");
        assert!(!printed.stderr.contains("canary"), "{printed:?}");
    }
    // the token of a member who administers the page does, if the page can be read
    set(&sim, json!({"pages": {"bob": [7]}, "page_reads": false}));
    let add = || {
        let server = sim.url_of(NAME);
        stage.deployment.try_add_account_on(NAME, stage.workspace, "organization:7", &server, "canary-of-bob")
    };
    let printed = add();
    assert!(!printed.status.success() && printed.stderr.contains("r_organization_social"), "{printed:?}");
    set(&sim, json!({"page_reads": true}));
    assert!(add().status.success());
    let handles = "SELECT string_agg(handle, ', ' ORDER BY handle) FROM crier.accounts";
    assert_eq!(stage.sql.text(handles).await, "Page 7, alice");
}

#[tokio::test]
async fn a_limit_parks_the_account_for_as_long_as_it_says() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    sim.plan(Rule::once(NAME, CREATE, Fault::RateLimited).seconds(3_600.0));
    let post = stage.post("later").await;
    stage.failed_as(post, "rate_limited").await;
    let waits =
        "SELECT run_at - now() BETWEEN interval '50 minutes' AND interval '70 minutes' FROM crier.jobs";
    assert_eq!(stage.sql.text(waits).await, "t");
    assert_eq!((sim.calls(CREATE), sim.ledger().len()), (1, 0));
    stage.sql.text(&format!("SELECT crier.unblock_account('{}', 'publish')", stage.account)).await;
    let target = stage.published(post).await;
    assert_eq!((&target["attempts"], sim.visible("later").len()), (&json!(1), 1), "{target}");
}

#[tokio::test]
async fn a_version_that_has_ended_is_the_operators_to_change() {
    let (sim, stage) = simulated().await;
    set(&sim, json!({"oldest_version": "202610"}));
    let crierd = start(&sim, &stage).await;
    let post = stage.post("too old").await;
    let target = stage.reached(post, "failed").await;
    assert_eq!(
        (&target["error"]["class"], &target["error"]["code"]),
        (&json!("config"), &json!("NONEXISTENT_VERSION"))
    );
    drop(crierd);
    let _crierd = stage.deployment.start_with(&[("CRIER_LINKEDIN_API_VERSION", "202611")]).await;
    let post = stage.post("in another version").await;
    stage.published(post).await;
    assert_eq!(sim.ledger().len(), 1);
}

/// Publishes as a connected account.
async fn publishes(test: &Connecting, account: Uuid, text: &str) {
    let sql = "SELECT crier.create_post($1, $2, ARRAY[$3::uuid])";
    let post: Uuid = test.owner.value(sql, &[&test.workspace, &text, &account]).await;
    wait_for("the post to be published", SOON, async || {
        let shown: Value = test.owner.value("SELECT crier.get_post($1)", &[&post]).await;
        if shown["targets"][0]["state"] == "published" { Ok(()) } else { Err(shown) }
    })
    .await;
}

#[tokio::test]
async fn a_member_is_connected_and_publishes() {
    let test = Connecting::on(Database::shared().await).await;
    test.person(NAME, "alice");
    set(&test.sim, json!({"partner": false}));
    let _crierd = test.start().await;
    let page = test.log_in(NAME, None, None).await;
    let account = test.connected(&page)[0];
    assert_eq!(page.param("crier_missing"), None);
    assert_eq!(test.account(account).await, "linkedin alice active 1 t");
    let ends =
        "SELECT expires_at > now() + interval '59 days', refresh_expires_at IS NULL FROM crier.credential";
    assert_eq!(test.sql.text(ends).await, "t|t");
    publishes(&test, account, "from a connected member").await;
    assert_eq!(test.sim.visible("from a connected member").len(), 1);
    // the same again is the same account; without its right it is none
    let again = test.log_in(NAME, None, Some(account)).await;
    assert_eq!(test.connected(&again), [account]);
    test.consent(NAME, &json!({"approve_as": "alice", "withhold": ["w_member_social"]}));
    let refused = test.log_in(NAME, None, None).await;
    assert_eq!(refused.param("crier_error").as_deref(), Some("missing_scopes"));
}

#[tokio::test]
async fn a_member_chooses_among_the_pages_and_each_publishes_with_its_tokens() {
    let test = Connecting::on(Database::shared().await).await;
    test.person(NAME, "alice");
    set(&test.sim, json!({"pages": {"alice": [7, 8]}}));
    let _crierd = test.start().await;
    let browser = Browser::new();
    let page = test.log_in_with(&browser, NAME, Some("pages"), None).await;
    assert_eq!((page.status, page.all_after("<label for=\"account-").len()), (200, 3), "{}", page.text);
    let choice = page.after("name=\"choice\" value=\"").expect("a choice");
    let action = page.after("action=\"").expect("an action");
    let ids = page.all_after("name=\"account\" value=\"");
    let form = [("choice", choice.as_str()), ("account", &ids[0]), ("account", &ids[2])];
    let done = browser.submit(&action, &form, APPLICATION).await;
    let accounts = test.connected(&test.confirmed(&browser, done).await);
    let mut names = Vec::new();
    for account in &accounts {
        names.push(test.account(*account).await);
        publishes(&test, *account, &format!("by {account}")).await;
    }
    assert_eq!(names, ["linkedin alice active 1 t", "linkedin Page 8 active 1 t"]);
    let by: Vec<_> = test.sim.ledger().into_iter().map(|entry| entry.account).collect();
    assert_eq!(by, ["alice", "organization:8"]);

    // who may write for pages and not read there gets none of them, and is told
    test.consent(NAME, &json!({"approve_as": "alice", "withhold": ["r_organization_social"]}));
    let alone = test.log_in(NAME, Some("pages"), None).await;
    assert_eq!(test.connected(&alone), [accounts[0]]);
    assert_eq!(alone.param("crier_missing").as_deref(), Some("r_organization_social"));
}

#[tokio::test]
async fn a_connected_page_comments_and_its_comments_are_looked_for() {
    let test = Connecting::on(Database::shared().await).await;
    test.person(NAME, "alice");
    set(&test.sim, json!({"pages": {"alice": [7]}}));
    let _crierd = test.start().await;
    let browser = Browser::new();
    let page = test.log_in_with(&browser, NAME, Some("pages"), None).await;
    let choice = page.after("name=\"choice\" value=\"").expect("a choice");
    let action = page.after("action=\"").expect("an action");
    let ids = page.all_after("name=\"account\" value=\"");
    let form = [("choice", choice.as_str()), ("account", &ids[1])];
    let done = browser.submit(&action, &form, APPLICATION).await;
    let account = test.connected(&test.confirmed(&browser, done).await)[0];
    assert_eq!(test.account(account).await, "linkedin Page 7 active 1 t");
    test.sim.plan(Rule::once(NAME, "comments.create", Fault::DropAfterCommit));
    let sql = "SELECT crier.create_post($1, 'a post', ARRAY[$2::uuid], first_comment => 'the source')";
    let post: Uuid = test.owner.value(sql, &[&test.workspace, &account]).await;
    wait_for("the post and its comment to be published", SOON, async || {
        backdoor::age_intents(&test.sql).await;
        backdoor::make_retries_due(&test.sql).await;
        let shown: Value = test.owner.value("SELECT crier.get_post($1)", &[&post]).await;
        if shown["state"] == "published" { Ok(()) } else { Err(shown) }
    })
    .await;
    let texts: Vec<_> = test.sim.ledger().into_iter().map(|entry| entry.text).collect();
    assert_eq!(texts, ["a post", "the source"]);
}
