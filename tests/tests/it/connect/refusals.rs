//! Logins that end otherwise: each with a word for the application or a sentence for the person, and nothing connected.

use crier_tests::browser::Browser;
use crier_tests::cluster::Database;
use crier_tests::connecting::{APPLICATION, Connecting};
use crier_tests::sim::fault::{Fault, Rule};
use reqwest::Method;
use serde_json::{Value, json};

/// The tenant with a person on X, and what the sidecar has to be there.
async fn on_x() -> Connecting {
    let test = Connecting::on(Database::shared().await).await;
    test.person("x", "alice");
    test
}

async fn nothing_connected(test: &Connecting) {
    assert_eq!(test.sql.text("SELECT count(*) FROM crier.credential").await, "0");
}

/// Goes as far as the platform, and gives where that sends the browser.
async fn answer(test: &Connecting, browser: &Browser) -> String {
    let ticket = test.ticket("x", None, None).await;
    let page =
        browser.go(&test.start_url("x", &ticket), &format!("{}/oauth/x/callback", test.public_url)).await;
    page.url.to_string()
}

#[tokio::test]
async fn what_the_person_or_the_platform_refuses_is_said_to_the_application() {
    let test = on_x().await;
    let _crierd = test.start().await;
    let yes = json!({"approve_as": "alice"});
    let with = |name: &str, value: Value| {
        let mut consent = yes.clone();
        consent[name] = value;
        consent
    };
    for (consent, code) in [
        (with("deny", json!(true)), "access_denied"),
        (with("withhold", json!(["tweet.write"])), "missing_scopes"),
        (with("code_seconds", json!(0.000_001)), "code_refused"),
    ] {
        test.consent("x", &consent);
        let page = test.log_in("x", None, None).await;
        assert_eq!(page.param("crier_error").as_deref(), Some(code), "{page:?}");
        assert_eq!(page.param("tab").as_deref(), Some("accounts"));
    }
    assert_eq!(test.sim.calls("oauth2.revoke"), 1, "expected tokens without enough scopes to be taken back");
    test.consent("x", &yes);
    for (call, fault, code) in [
        ("oauth2.token", Fault::ServerError, "platform_unavailable"),
        ("oauth2.token", Fault::DropAfterCommit, "platform_unavailable"),
        ("oauth2.token", Fault::Garbage, "platform_unavailable"),
        ("oauth2.token", Fault::RateLimited, "platform_unavailable"),
        ("users.me", Fault::ServerError, "platform_unavailable"),
        ("users.me", Fault::Unauthorized, "code_refused"),
    ] {
        test.sim.plan(Rule::once("x", call, fault));
        let page = test.log_in("x", None, None).await;
        assert_eq!(page.param("crier_error").as_deref(), Some(code), "{fault:?} {page:?}");
    }
    test.sim.platform("x").set(&json!({"client_secret": "another"})).expect("settings");
    let page = test.log_in("x", None, None).await;
    assert_eq!(page.param("crier_error").as_deref(), Some("app_refused"), "{page:?}");
    nothing_connected(&test).await;
    crier_tests::wait::wait_until("the logins that are remembered", 0, async || test.remembered().await)
        .await;
}

#[tokio::test]
async fn a_callback_is_good_once_in_its_browser() {
    let test = on_x().await;
    let _crierd = test.start().await;
    // another browser: an attacker's, or a person's whom one has sent the answer
    let browser = Browser::new();
    let callback = answer(&test, &browser).await;
    let stolen = Browser::new().go(&callback, APPLICATION).await;
    assert_eq!(
        (stolen.status, stolen.text.contains("<code>other_browser</code>")),
        (403, true),
        "{stolen:?}"
    );
    // and it is used up by that
    let late = browser.go(&callback, APPLICATION).await;
    assert!(late.text.contains("<code>expired</code>"), "{late:?}");
    nothing_connected(&test).await;

    // with the cookie of another login of the same browser
    let callback = answer(&test, &browser).await;
    let other = answer(&test, &browser).await;
    let swapped = {
        let (a, b): (reqwest::Url, reqwest::Url) = (callback.parse().expect("a"), other.parse().expect("b"));
        let take = |url: &reqwest::Url, name: &str| {
            url.query_pairs()
                .find(|(given, _)| given == name)
                .map(|(_, value)| value.into_owned())
                .expect("there")
        };
        format!("{}/oauth/x/callback?state={}&code={}", test.public_url, take(&a, "state"), take(&b, "code"))
    };
    // a code of another login was given for another verifier
    let mixed = browser.go(&swapped, APPLICATION).await;
    assert_eq!(mixed.param("crier_error").as_deref(), Some("code_refused"), "{mixed:?}");

    // two at once
    let callback = answer(&test, &browser).await;
    let (one, two) = tokio::join!(browser.go(&callback, APPLICATION), browser.go(&callback, APPLICATION));
    let granted = [&one, &two].into_iter().filter(|page| page.param("crier_confirm").is_some()).count();
    assert_eq!(granted, 1, "{one:?} {two:?}");
    assert_eq!(
        test.sim.calls("oauth2.token"),
        2,
        "expected one exchange for the code of one login, and one that was refused"
    );
    // replayed
    let replayed = browser.go(&callback, APPLICATION).await;
    assert_eq!(
        (replayed.status, replayed.text.contains("<code>expired</code>")),
        (400, true),
        "{replayed:?}"
    );
}

#[tokio::test]
async fn a_ticket_is_good_once_for_five_minutes_for_its_platform() {
    let test = on_x().await;
    let crierd = test.start().await;
    let ticket = test.ticket("x", None, None).await;
    assert!(ticket.len() == 64 && ticket.bytes().all(|byte| byte.is_ascii_hexdigit()), "{ticket}");
    // who only looks at links uses none up
    let url = test.start_url("x", &ticket);
    assert_eq!(Browser::new().step(Method::HEAD, &url, None).await.status, 405);
    assert_eq!(Browser::new().step(Method::GET, &url, None).await.status, 303);
    let twice = Browser::new().step(Method::GET, &url, None).await;
    assert!(twice.status == 400 && twice.text.contains("<code>expired</code>"), "{twice:?}");

    let late = test.ticket("x", None, None).await;
    test.sql
        .run("UPDATE crier.oauth_state SET expires_at = now() - interval '1 s' WHERE stage = 'ticket'")
        .await;
    let page = Browser::new().go(&test.start_url("x", &late), APPLICATION).await;
    assert!(page.text.contains("<code>expired</code>"), "{page:?}");

    let other = test.ticket("x", None, None).await;
    let page = Browser::new().go(&test.start_url("mastodon", &other), APPLICATION).await;
    assert_eq!(page.param("crier_error").as_deref(), Some("other_platform"), "{page:?}");

    for odd in ["", "?ticket=", "?ticket=x", "?ticket=%00", "?ticket=a&ticket=b", "?x=y"] {
        let page =
            Browser::new().step(Method::GET, &format!("{}/oauth/x/start{odd}", test.public_url), None).await;
        assert_eq!(page.status, 400, "{odd}: {page:?}");
    }
    for odd in [
        "",
        "?state=x",
        "?state=x&code=y",
        "?code=y",
        "?state=a&state=b&code=y",
        "?error=access_denied",
        "?state=%ff&code=y",
    ] {
        let page = Browser::new()
            .step(Method::GET, &format!("{}/oauth/x/callback{odd}", test.public_url), None)
            .await;
        assert_eq!(page.status, 400, "{odd}: {page:?}");
        assert!(page.text.contains("role=\"alert\""), "{}", page.text);
        let policy = page.headers["content-security-policy"].to_str().expect("text");
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
    }
    let huge = format!("{}/oauth/x/callback?state={}", test.public_url, "x".repeat(20_000));
    assert_eq!(Browser::new().step(Method::GET, &huge, None).await.status, 400);
    let body = "x".repeat(100_000);
    let form: &[(&str, &str)] = &[("choice", &body)];
    let page =
        Browser::new().step(Method::POST, &format!("{}/oauth/choose", test.public_url), Some(form)).await;
    assert_eq!(page.status, 413);
    // the state is over too
    let browser = Browser::new();
    let callback = answer(&test, &browser).await;
    test.sql.run("UPDATE crier.oauth_state SET expires_at = now() - interval '1 s'").await;
    let page = browser.go(&callback, APPLICATION).await;
    assert!(page.text.contains("<code>expired</code>"), "{page:?}");
    nothing_connected(&test).await;
    drop(crierd);
}

#[tokio::test]
async fn people_are_sent_nowhere_else() {
    let test = on_x().await;
    let _crierd = test.start().await;
    for evil in [
        "https://evil.example/",
        "https://app.example.evil.example/",
        "https://app.example@evil.example/",
        "http://app.example/",
        "https://app.example:8443/",
        "https://evil.example/?x=https://app.example",
    ] {
        let sql = "SELECT crier.begin_connect($1, 'x', $2)";
        let ticket: String = test.owner.value(sql, &[&test.workspace, &evil]).await;
        let page = Browser::new().step(Method::GET, &test.start_url("x", &ticket), None).await;
        assert!(page.status == 400 && page.text.contains("return_url_refused"), "{evil}: {page:?}");
        assert!(!page.headers.contains_key("location"), "{page:?}");
    }
}

#[tokio::test]
async fn another_account_than_the_one_that_had_to_log_in_is_refused() {
    let test = on_x().await;
    let _crierd = test.start().await;
    let account = test.connected(&test.log_in("x", None, None).await)[0];
    test.person("x", "bob");
    let page = test.log_in("x", None, Some(account)).await;
    assert_eq!(page.param("crier_error").as_deref(), Some("other_account"), "{page:?}");
    assert_eq!(test.sim.calls("oauth2.revoke"), 1, "expected what nobody uses to be taken back");
    assert_eq!(test.account(account).await, "x alice active 1 t");
    assert_eq!(test.sql.text("SELECT count(*) FROM crier.social_account").await, "1");
    // without saying which, it is another account
    let other = test.connected(&test.log_in("x", None, None).await)[0];
    assert_ne!(other, account);
    assert_eq!(test.account(other).await, "x bob active 1 t");
}

#[tokio::test]
async fn servers_that_a_tenant_may_not_name_are_never_called() {
    let mut test = on_x().await;
    test.set("CRIER_OAUTH_ALLOW_LOOPBACK", "false");
    let _crierd = test.start().await;
    let here = test.sim.url_of("mastodon");
    for (platform, server) in [
        ("mastodon", here.as_str()),
        ("mastodon", "http://localhost/"),
        ("mastodon", "https://127.0.0.1"),
        ("mastodon", "https://[::1]"),
        ("mastodon", "https://2130706433"),
        ("mastodon", "https://0x7f.1"),
        ("mastodon", "https://[::ffff:10.0.0.1]"),
        ("mastodon", "https://[64:ff9b::7f00:1]"),
        ("mastodon", "https://169.254.169.254"),
        ("mastodon", "https://a.example:8443"),
        ("mastodon", "file:///etc/passwd"),
        ("mastodon", "alice"),
        ("x", "https://evil.example"),
        ("instagram", "https://evil.example"),
    ] {
        let page = test.log_in(platform, Some(server), None).await;
        let code = page.param("crier_error");
        let expected = if server == "alice" { "platform_unavailable" } else { "server_refused" };
        assert_eq!(code.as_deref(), Some(expected), "{platform} {server}: {page:?}");
    }
    assert_eq!(test.sim.call_names(), Vec::<String>::new());
}

#[tokio::test]
async fn an_answer_of_another_issuer_is_not_taken() {
    let test = Connecting::on(Database::shared().await).await;
    test.person("mastodon", "alice");
    let _crierd = test.start().await;
    let server = test.sim.url_of("mastodon");
    let said = |iss: &str| json!({"approve_as": "alice", "iss": iss});
    test.consent("mastodon", &said("https://evil.example/"));
    let page = test.log_in("mastodon", Some(&server), None).await;
    assert_eq!(page.param("crier_error").as_deref(), Some("wrong_issuer"), "{page:?}");
    nothing_connected(&test).await;
    assert_eq!(test.sim.calls("oauth.token"), 0, "expected the code not to be shown to anybody");
    test.consent("mastodon", &said(&format!("{server}/")));
    test.connected(&test.log_in("mastodon", Some(&server), None).await);

    // an answer that came to the address of another server
    test.consent("mastodon", &json!({"approve_as": "alice"}));
    let browser = Browser::new();
    let ticket = test.ticket("mastodon", Some(&server), None).await;
    let stop = format!("{}/oauth/mastodon/callback", test.public_url);
    let callback = browser.go(&test.start_url("mastodon", &ticket), &stop).await.url.to_string();
    let (_, query) = callback.split_once('?').expect("a query");
    let before = test.sim.calls("oauth.token");
    let elsewhere = format!("{}/oauth/mastodon/callback/0123456789abcdef?{query}", test.public_url);
    let page = browser.go(&elsewhere, APPLICATION).await;
    assert_eq!(page.param("crier_error").as_deref(), Some("wrong_issuer"), "{page:?}");
    assert_eq!(test.sim.calls("oauth.token"), before);
}

#[tokio::test]
async fn without_an_app_or_an_address_it_says_so() {
    let mut test = on_x().await;
    test.set("CRIER_X_CLIENT_ID", "");
    test.set("CRIER_X_CLIENT_SECRET_FILE", "");
    let crierd = test.start().await;
    let page = test.log_in("x", None, None).await;
    assert_eq!(page.param("crier_error").as_deref(), Some("no_app"), "{page:?}");
    drop(crierd);
    test.set("CRIER_PUBLIC_URL", "");
    let _crierd = test.start().await;
    let ticket = test.ticket("x", None, None).await;
    let page = Browser::new().step(Method::GET, &test.start_url("x", &ticket), None).await;
    assert!(page.status == 503 && page.text.contains("not_configured"), "{page:?}");
}
