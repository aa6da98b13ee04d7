//! The application's word: nothing is connected before it has said that the person who comes back is the one who began.

use crier_tests::browser::{Browser, Page};
use crier_tests::cluster::Database;
use crier_tests::connecting::{APPLICATION, Connecting, RETURN_URL, user_session};
use crier_tests::wait::wait_until;
use uuid::Uuid;

async fn on_x() -> Connecting {
    let test = Connecting::on(Database::shared().await).await;
    test.person("x", "alice");
    test
}

/// A login up to where the application is asked.
async fn granted(test: &Connecting, browser: &Browser) -> (Page, String) {
    let ticket = test.ticket("x", None, None).await;
    let page = browser.go(&test.start_url("x", &ticket), APPLICATION).await;
    let secret = page.param("crier_confirm").unwrap_or_else(|| panic!("{page:?}"));
    (page, secret)
}

async fn accounts(test: &Connecting) -> String {
    test.sql.text("SELECT count(*) FROM crier.social_account").await
}

#[tokio::test]
async fn whoever_was_sent_a_link_is_joined_to_nobodys_workspace() {
    let test = on_x().await;
    let _crierd = test.start().await;
    let victim = user_session(&test.database, &test.sql, Uuid::new_v4()).await;
    // the owner sends their link to somebody else, who logs in and comes back to the application with a session of their own
    let browser = Browser::new();
    let (page, secret) = granted(&test, &browser).await;
    assert!(page.url.as_str().starts_with(&format!("{RETURN_URL}&crier_confirm=")), "{}", page.url);
    assert_eq!(accounts(&test).await, "0");
    let confirm = format!("SELECT crier.confirm_connect('{secret}')");
    let refusal = victim.refusal(&confirm).await;
    assert_eq!(refusal.code, "22023", "{refusal}");
    assert!(!format!("{refusal}").contains(&secret), "{refusal}");
    // it says no more than of what nobody knows, and what only crierd has is not good for the next step
    let unknown = victim.refusal(&format!("SELECT crier.confirm_connect('{}')", "x".repeat(43))).await;
    assert_eq!(format!("{refusal}"), format!("{unknown}"));
    let page = browser.go(&test.finish_url(&secret), APPLICATION).await;
    assert!(page.text.contains("<code>expired</code>"), "{page:?}");
    // nor is the owner's word, in another browser
    let ticket = test.owner.text(&confirm).await;
    let page = Browser::new().go(&test.finish_url(&ticket), APPLICATION).await;
    assert_eq!((page.status, page.text.contains("<code>other_browser</code>")), (403, true), "{page:?}");
    assert_eq!(accounts(&test).await, "0");
    wait_until("the logins that are remembered", 0, async || test.remembered().await).await;
}

#[tokio::test]
async fn a_word_is_good_once_and_for_a_while() {
    let test = on_x().await;
    let _crierd = test.start().await;
    let browser = Browser::new();
    let (_, secret) = granted(&test, &browser).await;
    let confirm = format!("SELECT crier.confirm_connect('{secret}')");
    let ticket = test.owner.text(&confirm).await;
    assert!(ticket.len() == 64 && ticket.bytes().all(|byte| byte.is_ascii_hexdigit()), "{ticket}");
    assert_eq!(test.owner.refusal(&confirm).await.code, "22023");
    // who only looks at links uses none up
    let url = test.finish_url(&ticket);
    assert_eq!(browser.step(reqwest::Method::HEAD, &url, None).await.status, 405);
    let (one, two) = tokio::join!(browser.go(&url, APPLICATION), browser.go(&url, APPLICATION));
    let connected = [&one, &two].into_iter().filter(|page| page.param("crier_account_ids").is_some()).count();
    assert_eq!(connected, 1, "{one:?} {two:?}");
    assert_eq!(accounts(&test).await, "1");

    let late = "UPDATE crier.oauth_state SET expires_at = now() - interval '1 s'";
    let (_, secret) = granted(&test, &browser).await;
    test.sql.run(late).await;
    assert_eq!(test.owner.refusal(&format!("SELECT crier.confirm_connect('{secret}')")).await.code, "22023");
    let (_, secret) = granted(&test, &browser).await;
    let ticket = test.owner.text(&format!("SELECT crier.confirm_connect('{secret}')")).await;
    test.sql.run(late).await;
    let page = browser.go(&test.finish_url(&ticket), APPLICATION).await;
    assert!(page.text.contains("<code>expired</code>"), "{page:?}");
    for odd in ["", "?ticket=", "?ticket=x", "?x=y"] {
        let page = browser.go(&format!("{}/oauth/finish{odd}", test.public_url), APPLICATION).await;
        assert_eq!(page.status, 400, "{odd}: {page:?}");
    }
    assert_eq!(accounts(&test).await, "1");
}

#[tokio::test]
async fn who_has_lost_the_right_before_the_end_connects_nothing() {
    let test = on_x().await;
    let _crierd = test.start().await;
    let browser = Browser::new();
    let role = |role: &str| format!("UPDATE crier.workspace_member SET role = '{role}'");
    // between the platform and the word, and between the word and the end
    let (_, secret) = granted(&test, &browser).await;
    let confirm = format!("SELECT crier.confirm_connect('{secret}')");
    test.sql.run(&role("editor")).await;
    assert_eq!(test.owner.refusal(&confirm).await.code, "42501");
    test.sql.run(&role("owner")).await;
    let ticket = test.owner.text(&confirm).await;
    test.sql.run(&role("editor")).await;
    let page = browser.go(&test.finish_url(&ticket), APPLICATION).await;
    assert_eq!(page.param("crier_error").as_deref(), Some("not_allowed"), "{page:?}");
    assert_eq!(test.sim.calls("oauth2.revoke"), 1, "expected what nobody uses to be taken back");
    assert_eq!(accounts(&test).await, "0");
}

#[tokio::test]
async fn a_trusted_role_answers_for_what_it_began() {
    let test = on_x().await;
    let _crierd = test.start().await;
    let browser = Browser::new();
    let begin = "SELECT crier.begin_connect($1, 'x', $2)";
    let ticket: String = test.sql.value(begin, &[&test.workspace, &RETURN_URL]).await;
    let page = browser.go(&test.start_url("x", &ticket), APPLICATION).await;
    let confirm =
        format!("SELECT crier.confirm_connect('{}')", page.param("crier_confirm").expect("a secret"));
    // nobody's login is no user's, be they the owner
    assert_eq!(test.owner.refusal(&confirm).await.code, "22023");
    let ticket = test.sql.text(&confirm).await;
    let page = browser.go(&test.finish_url(&ticket), APPLICATION).await;
    assert_eq!(test.connected(&page).len(), 1);
}
