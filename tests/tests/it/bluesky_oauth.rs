//! Accounts of a real Bluesky server that are connected by OAuth: sign-in and consent on its own pages, tokens that last for
//! seconds, nonces that change every second.

mod thief;

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crier_tests::backdoor;
use crier_tests::browser::{Browser, Page};
use crier_tests::cluster::Database;
use crier_tests::connecting::{APPLICATION, Connecting};
use crier_tests::images::{data_url, film, png};
use crier_tests::pds::{Pds, PdsAccount, SentBack};
use crier_tests::wait::{SOON, wait_for, wait_until};
use reqwest::Method;
use reqwest::header::LOCATION;
use serde_json::{Value, json};
use uuid::Uuid;

/// A tenant whose sidecar knows the server's directory.
async fn tenant(pds: &Pds) -> Connecting {
    let mut test = Connecting::on(Database::shared().await).await;
    test.set("CRIER_BLUESKY_PLC_DIRECTORY", pds.plc());
    test.set("CRIER_BLUESKY_HANDLE_RESOLVER", &pds.name());
    test
}

/// A login that has begun: the person's browser, and the server's page it is sent to.
async fn begun(test: &Connecting, pds: &Pds, account: Option<Uuid>) -> (Browser, String) {
    begun_at(test, &pds.name(), account).await
}

/// The same at a server, or of an account by its name.
async fn begun_at(test: &Connecting, server: &str, account: Option<Uuid>) -> (Browser, String) {
    let ticket = test.ticket("bluesky", Some(server), account).await;
    let browser = Browser::new();
    let start = browser.step(Method::GET, &test.start_url("bluesky", &ticket), None).await;
    let page = start.headers.get(LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let page = page.unwrap_or_else(|| panic!("nobody is sent on by {start:?}; {}", test.deployment.logs()));
    (browser, page)
}

/// The person comes back, with what the server sent along.
async fn back(test: &Connecting, browser: &Browser, sent: &SentBack) -> Page {
    let mut url = sent.to.clone();
    url.query_pairs_mut().extend_pairs(&sent.with);
    let page = browser.go(url.as_str(), APPLICATION).await;
    test.confirmed(browser, page).await
}

/// A login from the ticket to the account's id.
async fn log_in(test: &Connecting, pds: &Pds, account: &PdsAccount) -> Uuid {
    let (browser, page) = begun(test, pds, None).await;
    let sent = pds.log_in(&page, account).await;
    test.connected(&back(test, &browser, &sent).await)[0]
}

async fn post(test: &Connecting, account: Uuid, text: &str, media: Value) -> Uuid {
    let sql = "SELECT crier.create_post($1, $2, ARRAY[$3::uuid], media => $4)";
    test.owner.value(sql, &[&test.workspace, &text, &account, &media]).await
}

/// The target of a post once it is in a state.
async fn reached(test: &Connecting, post: Uuid, state: &str) -> Value {
    let what = format!("the target to be {state}");
    wait_for(&what, SOON, async || {
        backdoor::make_retries_due(&test.sql).await;
        let shown: Value = test.sql.value("SELECT crier.get_post($1)", &[&post]).await;
        let target = shown["targets"][0].clone();
        if target["state"] == state { Ok(target) } else { Err(target) }
    })
    .await
}

/// Waits until the access token of an account has ended.
async fn outlived(test: &Connecting, account: Uuid) {
    let sql = format!("SELECT expires_at < now() FROM crier.credential WHERE account_id = '{account}'");
    wait_until("the access token's end to have passed", "t".to_owned(), async || test.sql.text(&sql).await)
        .await;
}

#[tokio::test]
async fn from_the_ticket_to_posts_that_are_there_renewed_and_deleted() {
    let pds = Pds::short_lived();
    let alice = pds.add_account("alice").await;
    let test = tenant(pds).await;
    let _crierd = test.start().await;
    let account = log_in(&test, pds, &alice).await;
    assert_eq!(test.account(account).await, format!("bluesky {} active 1 t", alice.handle));
    assert_eq!(test.remembered().await, 0);
    let stored = format!(
        "SELECT base_url = '{}' AND external_id = '{}' FROM crier.social_account WHERE id = '{account}'",
        pds.name(),
        alice.did
    );
    assert_eq!(test.sql.text(&stored).await, "t");

    let first = post(&test, account, "by OAuth", json!([])).await;
    let first = reached(&test, first, "published").await;
    let uri = first["external_id"].as_str().expect("an address").to_owned();
    assert_eq!(pds.record(&uri).await["value"]["text"], "by OAuth");

    // renewed, while nonces of both sides have changed a few times
    outlived(&test, account).await;
    let picture = json!([{"url": data_url("image/png", &png(8, 6, [200, 80, 20])), "alt": "orange"}]);
    let second = post(&test, account, "renewed, with an image", picture).await;
    reached(&test, second, "published").await;
    let film = json!([{"url": data_url("video/mp4", &film()), "alt": "moves"}]);
    let third = post(&test, account, "and a film", film).await;
    reached(&test, third, "published").await;
    let generation = format!("SELECT generation > 1 FROM crier.credential WHERE account_id = '{account}'");
    assert_eq!(test.sql.text(&generation).await, "t");
    assert_eq!(pds.posts(&alice.did).await.len(), 3);

    // taken back after another renewal
    outlived(&test, account).await;
    let sql = format!("SELECT crier.delete_published('{}')", first["id"].as_str().expect("an id"));
    test.owner.run(&sql).await;
    wait_until("the number of posts", 2, async || {
        backdoor::make_retries_due(&test.sql).await;
        pds.posts(&alice.did).await.len()
    })
    .await;
    assert!(!test.deployment.logs().contains("ref-"), "a refresh token is in the log");
}

#[tokio::test]
async fn a_person_who_declines_or_is_somebody_else_connects_nothing() {
    let pds = Pds::short_lived();
    let (alice, bob) = (pds.add_account("alice").await, pds.add_account("bob").await);
    let test = tenant(pds).await;
    let _crierd = test.start().await;
    let (browser, page) = begun(&test, pds, None).await;
    let sent = pds.decline(&page).await;
    assert_eq!(sent.with.get("error").map(String::as_str), Some("access_denied"), "{sent:?}");
    let shown = back(&test, &browser, &sent).await;
    assert_eq!(shown.param("crier_account_ids"), None, "{}", shown.url);
    assert_eq!(shown.param("crier_error").as_deref(), Some("access_denied"), "{}", shown.url);

    // alice is to log in again, and bob does
    let account = log_in(&test, pds, &alice).await;
    let (browser, page) = begun(&test, pds, Some(account)).await;
    let sent = pds.log_in(&page, &bob).await;
    let shown = back(&test, &browser, &sent).await;
    assert_eq!(shown.param("crier_account_ids"), None, "{}", shown.url);
    assert_eq!(shown.param("crier_error").as_deref(), Some("other_account"), "{}", shown.url);
    assert_eq!(test.account(account).await, format!("bluesky {} active 1 t", alice.handle));
    assert_eq!(test.sql.text("SELECT count(*) FROM crier.social_account").await, "1");
    let (browser, page) = begun(&test, pds, Some(account)).await;
    let sent = pds.log_in(&page, &alice).await;
    assert_eq!(test.connected(&back(&test, &browser, &sent).await), [account]);
}

#[tokio::test]
async fn an_account_is_connected_by_its_name_and_again_after_a_change_of_it() {
    let pds = Pds::short_lived();
    let alice = pds.add_account("alice").await;
    let test = tenant(pds).await;
    let _crierd = test.start().await;
    let (browser, page) = begun_at(&test, &alice.handle, None).await;
    let sent = pds.log_in(&page, &alice).await;
    let account = test.connected(&back(&test, &browser, &sent).await)[0];
    assert_eq!(test.account(account).await, format!("bluesky {} active 1 t", alice.handle));
    // in a browser that is signed in, of an account that has let the app in: people are asked all the same
    let (browser, page) = begun_at(&test, &alice.handle, None).await;
    let sent = pds.log_in(&page, &alice).await;
    assert_eq!(test.connected(&back(&test, &browser, &sent).await), [account]);

    let renamed = pds.rename(&alice).await;
    let (browser, page) = begun(&test, pds, Some(account)).await;
    let sent = pds.log_in(&page, &renamed).await;
    assert_eq!(test.connected(&back(&test, &browser, &sent).await), [account]);
    assert_eq!(test.account(account).await, format!("bluesky {} active 3 t", renamed.handle));
}

#[tokio::test]
async fn an_answer_that_another_issuer_could_have_given_is_refused() {
    let pds = Pds::short_lived();
    let alice = pds.add_account("alice").await;
    let test = tenant(pds).await;
    let _crierd = test.start().await;
    for iss in [None, Some("https://issuer.example")] {
        let (browser, page) = begun(&test, pds, None).await;
        let mut sent = pds.log_in(&page, &alice).await;
        sent.with.remove("iss");
        sent.with.extend(iss.map(|iss| ("iss".to_owned(), iss.to_owned())));
        let shown = back(&test, &browser, &sent).await;
        assert_eq!(shown.param("crier_account_ids"), None, "{}", shown.url);
        assert_eq!(shown.param("crier_error").as_deref(), Some("wrong_issuer"), "{}", shown.url);
    }
    assert_eq!(test.sql.text("SELECT count(*) FROM crier.social_account").await, "0");
}

#[tokio::test]
async fn an_app_with_keys_says_who_it_is_and_may_change_them() {
    let pds = Pds::short_lived();
    let alice = pds.add_account("alice").await;
    let mut test = tenant(pds).await;
    let (here, name) =
        (test.public_url.clone(), format!("https://c{}.crier-tests.dev", Uuid::new_v4().simple()));
    pds.read_instead(&name, &here).await;
    let file = test.deployment.dir().join("client.pem");
    let keys = |more: &str| {
        let key = Command::new("openssl")
            .args(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .output()
            .expect("openssl");
        let text = format!("{more}{}", String::from_utf8(key.stdout).expect("PEM"));
        let _ = std::fs::remove_file(&file);
        std::fs::write(&file, &text).expect("the file");
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o400)).expect("its mode");
        text
    };
    let old = keys("");
    test.set("CRIER_BLUESKY_CLIENT_KEY_FILE", "client.pem");
    test.set("CRIER_PUBLIC_URL", &name);
    let crierd = test.start().await;
    let document =
        crier_tests::http::get(format!("{here}/oauth/client-metadata.json")).await.expect("a document");
    let document: Value = serde_json::from_str(&document.text().await.expect("a text")).expect("JSON");
    assert_eq!(document["token_endpoint_auth_method"], "private_key_jwt");

    let (browser, page) = begun(&test, pds, None).await;
    assert!(page.contains("client-metadata.json"), "{page}");
    let mut sent = pds.log_in(&page, &alice).await;
    assert!(sent.to.as_str().starts_with(&name), "{sent:?}");
    sent.to = sent.to.as_str().replace(&name, &here).parse().expect("an address");
    let account = test.connected(&back(&test, &browser, &sent).await)[0];
    let first = post(&test, account, "by an app with a key", json!([])).await;
    reached(&test, first, "published").await;

    // signed in, with the app let in: whoever opens a link is asked all the same
    let (_, page) = begun(&test, pds, Some(account)).await;
    assert!(pds.asks(&page, &sent).await, "the person was sent on without a word");
    crierd.kill();

    // another key comes, the old one stays for what began with it: without it, nothing is sent and nothing lost
    let both = keys(&old);
    let new = both.strip_prefix(&old).expect("the new key");
    std::fs::remove_file(&file).expect("the file");
    std::fs::write(&file, new).expect("the file");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o400)).expect("its mode");
    let before = renewals(pds).await;
    let crierd = test.start().await;
    outlived(&test, account).await;
    let second = post(&test, account, "after a change of keys", json!([])).await;
    wait_for("the missing key to be named in the log", SOON, async || {
        let logs = test.deployment.logs();
        if logs.contains("client_key_file") { Ok(()) } else { Err(logs) }
    })
    .await;
    crierd.kill();
    std::fs::remove_file(&file).expect("the file");
    std::fs::write(&file, &both).expect("the file");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o400)).expect("its mode");
    let _crierd = test.start().await;
    let shown: Value = test.sql.value("SELECT crier.get_post($1)", &[&second]).await;
    let second = match shown["targets"][0]["state"].as_str() {
        // the deployment was wrong: a post that was due then has failed, and a person has it tried again
        Some("failed") => post(&test, account, "after a change of keys, again", json!([])).await,
        _ => second,
    };
    reached(&test, second, "published").await;
    assert!(renewals(pds).await > before);
    assert_eq!(test.account(account).await.split(' ').nth(2), Some("active"));
}

/// How many tokens the server has given.
async fn renewals(pds: &Pds) -> usize {
    let seen = pds.seen().await;
    seen["tokens"].as_array().map_or(0, |tokens| tokens.iter().filter(|status| **status == 200).count())
}

#[tokio::test]
async fn a_lost_answer_to_a_renewal_costs_a_login_and_no_post() {
    // long enough for all that is done with the first token, on a busy machine too
    let pds = Pds::start(&[("TOKEN_AGE", "25000"), ("NONCE_AGE", "3000")]);
    let alice = pds.add_account("alice").await;
    let test = tenant(&pds).await;
    let _crierd = test.start().await;
    let account = log_in(&test, &pds, &alice).await;
    let first = post(&test, account, "before", json!([])).await;
    reached(&test, first, "published").await;

    // a thief has seen the token and the proof that went with it
    thief::gets_nothing(&pds, &alice.did).await;

    pds.lose_tokens().await;
    outlived(&test, account).await;
    let second = post(&test, account, "after", json!([])).await;
    let status = format!("SELECT status FROM crier.social_account WHERE id = '{account}'");
    wait_for("the account to need a new login", SOON, async || {
        backdoor::make_retries_due(&test.sql).await;
        let seen = test.sql.text(&status).await;
        if seen == "reauth_required" { Ok(()) } else { Err(format!("{seen} {}", pds.seen().await)) }
    })
    .await;
    // it was sent once, and once more when nothing was left to lose
    let answers = pds.seen().await["tokens"].clone();
    let renewed: Vec<_> = answers.as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
    assert_eq!(
        renewed.iter().filter(|status| **status == 200).count(),
        2,
        "login and one renewal: {renewed:?}"
    );
    assert_eq!(pds.posts(&alice.did).await.len(), 1);

    assert_eq!(log_in(&test, &pds, &alice).await, account);
    reached(&test, second, "published").await;
    assert_eq!(pds.posts(&alice.did).await.len(), 2);
}
