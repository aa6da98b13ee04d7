//! Logins that succeed.

use crier_tests::browser::Browser;
use crier_tests::cluster::Database;
use crier_tests::connecting::{APPLICATION, Connecting, RETURN_URL};
use crier_tests::wait::{SOON, wait_for};
use serde_json::{Value, json};
use uuid::Uuid;

async fn publishes(test: &Connecting, account: Uuid, text: &str) {
    let post: Uuid = test
        .owner
        .value("SELECT crier.create_post($1, $2, ARRAY[$3::uuid])", &[&test.workspace, &text, &account])
        .await;
    wait_for("the post to be published", SOON, async || {
        let shown: Value = test.owner.value("SELECT crier.get_post($1)", &[&post]).await;
        if shown["targets"][0]["state"] == "published" { Ok(()) } else { Err(shown) }
    })
    .await;
}

#[tokio::test]
async fn an_account_of_a_mastodon_server_is_connected_and_publishes() {
    let test = Connecting::on(Database::shared().await).await;
    test.person("mastodon", "alice");
    let _crierd = test.start().await;
    let server = test.sim.url_of("mastodon");
    let page = test.log_in("mastodon", Some(&server), None).await;
    assert!(page.url.as_str().starts_with(&format!("{RETURN_URL}&crier_account_ids=")), "{}", page.url);
    assert_eq!(page.param("crier_missing"), None);
    let account = test.connected(&page)[0];
    let host = server.trim_start_matches("http://").split('/').next().expect("a host").to_owned();
    assert_eq!(test.account(account).await, format!("mastodon alice@{host} active 1 t"));
    publishes(&test, account, "from a connected account").await;
    assert_eq!(test.sim.visible("from a connected account").len(), 1);

    // the app is registered once, and the account found again
    let again = test.log_in("mastodon", Some(&server), None).await;
    assert_eq!(test.connected(&again), [account]);
    assert_eq!(test.account(account).await, format!("mastodon alice@{host} active 2 t"));
    assert_eq!(test.sim.calls("apps.create"), 1);
    assert_eq!(test.remembered().await, 0);

    // the server forgets the app: it is registered again once the server is asked
    test.sim.platform("mastodon").set(&json!({"forget_apps": true})).expect("settings");
    test.sql.run("UPDATE crier.app_registration SET checked_at = now() - interval '2 hours'").await;
    let anew = test.log_in("mastodon", Some(&server), None).await;
    assert_eq!(test.connected(&anew), [account]);
    assert_eq!(test.sim.calls("apps.create"), 2);
    assert_eq!(test.sql.text("SELECT generation FROM crier.app_registration").await, "2");
}

#[tokio::test]
async fn logins_at_once_register_one_app() {
    let test = Connecting::on(Database::shared().await).await;
    test.person("mastodon", "alice");
    let (_crierd, server) = (test.start().await, test.sim.url_of("mastodon"));
    let tickets = [(); 6].map(|()| test.ticket("mastodon", Some(&server), None));
    let tickets = futures_util::future::join_all(tickets).await;
    let browsers: Vec<_> = tickets.iter().map(|_| Browser::new()).collect();
    let logins = browsers.iter().zip(&tickets).map(|(browser, ticket)| async {
        let page = browser.go(&test.start_url("mastodon", ticket), APPLICATION).await;
        test.confirmed(browser, page).await
    });
    for page in futures_util::future::join_all(logins).await {
        test.connected(&page);
    }
    assert_eq!(test.sim.calls("apps.create"), 1);
}

#[tokio::test]
async fn two_servers_that_number_alike_have_two_accounts() {
    let test = Connecting::on(Database::shared().await).await;
    let one = "SELECT account_id FROM crier.connect_account($1, $2, '1', 'a', $3)";
    let connect = async |platform: &str, server: &str| -> Uuid {
        test.sql.value(one, &[&test.workspace, &platform, &server]).await
    };
    let first = connect("mastodon", "https://a.example").await;
    assert_ne!(connect("mastodon", "https://b.example").await, first);
    assert_eq!(connect("mastodon", "https://a.example").await, first);
    // elsewhere an account moves and stays itself
    let did = connect("bluesky", "https://a.example").await;
    assert_eq!(connect("bluesky", "https://b.example").await, did);
}

#[tokio::test]
async fn an_account_on_x_is_connected_and_publishes() {
    let test = Connecting::on(Database::shared().await).await;
    test.person("x", "alice");
    let _crierd = test.start().await;
    let page = test.log_in("x", None, None).await;
    let account = test.connected(&page)[0];
    assert_eq!(test.account(account).await, "x alice active 1 t");
    let ends: bool = test
        .sql
        .value("SELECT expires_at BETWEEN now() + interval '1 h' AND now() + interval '3 h' FROM crier.credential WHERE account_id = $1", &[&account])
        .await;
    assert!(ends);
    publishes(&test, account, "from X").await;

    // what was not granted is told, and the account works without
    test.consent("x", &json!({"approve_as": "alice", "withhold": ["media.write", "offline.access"]}));
    let page = test.log_in("x", None, Some(account)).await;
    assert_eq!(test.connected(&page), [account]);
    assert_eq!(page.param("crier_missing").as_deref(), Some("media.write offline.access"));
    assert_eq!(test.account(account).await, "x alice active 2 t");
}

#[tokio::test]
async fn an_account_comes_by_instagrams_own_login() {
    let test = Connecting::on(Database::shared().await).await;
    test.person("instagram", "alice.test");
    let _crierd = test.start().await;
    let page = test.log_in("instagram", None, None).await;
    let account = test.connected(&page)[0];
    assert_eq!(test.account(account).await, "instagram alice.test active 1 t");
    let days: i32 = test
        .sql
        .value(
            "SELECT extract(day FROM expires_at - now())::int FROM crier.credential WHERE account_id = $1",
            &[&account],
        )
        .await;
    assert_eq!(days, 59);
}

/// Accounts of pages on Facebook.
async fn with_pages() -> Connecting {
    let test = Connecting::on(Database::shared().await).await;
    for handle in ["alice.test", "bob.test", "carol.test"] {
        test.person("instagram", handle);
        let login = json!({handle: {"login": "facebook"}, "*": {"page_size": 2}});
        test.sim.platform("instagram").set(&login).expect("settings");
    }
    test
}

#[tokio::test]
async fn those_of_facebook_pages_are_chosen_on_a_page() {
    let test = with_pages().await;
    let _crierd = test.start().await;
    let browser = Browser::new();
    let page = test.log_in_with(&browser, "instagram", Some(&test.facebook()), None).await;
    assert_eq!(page.status, 200, "{page:?}");
    assert_eq!(page.headers["cache-control"], "no-store");
    assert_eq!(page.headers["referrer-policy"], "no-referrer");
    let names = page.all_after("<label for=\"account-");
    assert_eq!(names.len(), 3, "{}", page.text);
    let (action, choice) = (
        page.after("action=\"").expect("an action"),
        page.after("name=\"choice\" value=\"").expect("a choice"),
    );
    let ids = page.all_after("name=\"account\" value=\"");
    let form = [
        ("choice", choice.as_str()),
        ("account", &ids[0]),
        ("account", &ids[2]),
        ("account", "17841-forged"),
    ];
    assert!(page.text.contains(APPLICATION), "{}", page.text);
    let done = browser.submit(&action, &form, APPLICATION).await;
    assert_eq!(test.sql.text("SELECT count(*) FROM crier.social_account").await, "0");
    let done = test.confirmed(&browser, done).await;
    let accounts = test.connected(&done);
    assert_eq!(accounts.len(), 2);
    assert_eq!(test.account(accounts[0]).await, "instagram alice.test active 1 t");
    assert_eq!(test.account(accounts[1]).await, "instagram carol.test active 1 t");
    let servers = "SELECT DISTINCT base_url FROM crier.social_account WHERE platform = 'instagram'";
    assert_eq!(test.sql.text(servers).await, test.facebook());

    // a choice is made once
    let twice = browser.submit(&action, &form, APPLICATION).await;
    assert_eq!(twice.status, 400, "{twice:?}");
    assert!(twice.text.contains("<code>expired</code>"), "{}", twice.text);
    assert_eq!(test.remembered().await, 0);

    // who has to log in again does not choose
    let page = test.log_in("instagram", None, Some(accounts[0])).await;
    assert_eq!(test.connected(&page), [accounts[0]]);
    assert_eq!(test.account(accounts[0]).await, "instagram alice.test active 2 t");
}

#[tokio::test]
async fn a_choice_belongs_to_its_browser_and_may_be_none() {
    let test = with_pages().await;
    let _crierd = test.start().await;
    for (form, in_other, code) in [
        (vec![("cancel", "1")], false, "nothing_chosen"),
        (vec![], false, "nothing_chosen"),
        (vec![("account", "1")], false, "nothing_chosen"),
        (vec![("account", "1")], true, "other_browser"),
    ] {
        let browser = Browser::new();
        let page = test.log_in_with(&browser, "instagram", Some(&test.facebook()), None).await;
        let choice = page.after("name=\"choice\" value=\"").expect("a choice");
        let action = page.after("action=\"").expect("an action");
        let form: Vec<_> = [("choice", choice.as_str())].into_iter().chain(form).collect();
        let end = if in_other {
            Browser::new().submit(&action, &form, APPLICATION).await
        } else {
            browser.submit(&action, &form, APPLICATION).await
        };
        let said = end.param("crier_error").unwrap_or(end.text);
        assert!(said.contains(code), "{code}: {said}");
    }
    assert_eq!(test.sql.text("SELECT count(*) FROM crier.social_account").await, "0");
}
