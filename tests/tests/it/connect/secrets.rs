//! Nothing of a login is anywhere in clear: no code, state, verifier, ticket, cookie or token in a table, the WAL or a log.

use crier_tests::browser::{Browser, Page};
use crier_tests::cluster::Database;
use crier_tests::connecting::{APPLICATION, Connecting};
use crier_tests::pds::Pds;
use crier_tests::scan::{Finding, Secret, scan};
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::wait::{SOON, wait_for};
use reqwest::Method;
use reqwest::header::LOCATION;
use serde_json::{Value, json};
use uuid::Uuid;

const PLANTED: &str = "planted-canary-0815-xyz";
const TALKATIVE: &[(&str, &str)] = &[
    ("log_statement", "all"),
    ("log_min_duration_statement", "0"),
    ("log_parameter_max_length", "-1"),
    ("log_parameter_max_length_on_error", "-1"),
    ("log_min_messages", "debug1"),
];

/// As an application confirms it. The secret it does that with is a parameter of a statement, which a server that logs those has in
/// its log: it was good once, for the user alone, and was used up by that very statement.
async fn confirmed(test: &Connecting, browser: &Browser, page: Page, tickets: &mut Vec<String>) -> Page {
    let Some(secret) = page.param("crier_confirm") else { return page };
    let ticket: String = test.owner.value("SELECT crier.confirm_connect($1)", &[&secret]).await;
    let done = browser.go(&test.finish_url(&ticket), APPLICATION).await;
    tickets.push(ticket);
    done
}

/// A login on Bluesky and a post by it; gives what the server saw on the wire.
async fn bluesky(test: &Connecting, browser: &Browser, tickets: &mut Vec<String>) -> Vec<Secret> {
    let pds = Pds::short_lived();
    let alice = pds.add_account("alice").await;
    let ticket = test.ticket("bluesky", Some(&alice.handle), None).await;
    let start = browser.step(Method::GET, &test.start_url("bluesky", &ticket), None).await;
    tickets.push(ticket);
    let page = start.headers[LOCATION].to_str().expect("an address");
    let sent = pds.log_in(page, &alice).await;
    let mut url = sent.to.clone();
    url.query_pairs_mut().extend_pairs(&sent.with);
    let page = browser.go(url.as_str(), APPLICATION).await;
    let account = test.connected(&confirmed(test, browser, page, tickets).await)[0];
    let sql = "SELECT crier.create_post($1, 'by OAuth', ARRAY[$2::uuid])";
    let post: Uuid = test.owner.value(sql, &[&test.workspace, &account]).await;
    wait_for("the post to be published", SOON, async || {
        let shown: Value = test.owner.value("SELECT crier.get_post($1)", &[&post]).await;
        if shown["targets"][0]["state"] == "published" { Ok(()) } else { Err(shown) }
    })
    .await;
    let seen = pds.seen().await["bound"].clone();
    let bound = seen["authorization"].as_str().and_then(|text| text.strip_prefix("DPoP ")).expect("a token");
    vec![Secret::new("bound token", bound), Secret::new("proof", seen["dpop"].as_str().expect("a proof"))]
}

#[tokio::test]
async fn no_secret_of_a_login_is_written_in_clear() {
    let mut test = Connecting::on(Database::private_with(TALKATIVE).await).await;
    test.set("CRIER_LOG_LEVEL", "trace");
    test.set("CRIER_BLUESKY_PLC_DIRECTORY", Pds::short_lived().plc());
    test.set("CRIER_BLUESKY_HANDLE_RESOLVER", &Pds::short_lived().name());
    for (platform, handle) in
        [("mastodon", "alice"), ("x", "alice"), ("instagram", "alice.test"), ("instagram", "bob.test")]
    {
        test.person(platform, handle);
    }
    let facebook = json!({"alice.test": {"login": "facebook"}, "bob.test": {"login": "facebook"}});
    let crierd = test.start().await;
    let (browser, mastodon) = (Browser::new(), test.sim.url_of("mastodon"));
    let mut tickets = Vec::new();
    for (platform, server, fault) in [
        ("mastodon", Some(mastodon.clone()), None),
        ("mastodon", Some(mastodon), Some(("oauth.token", Fault::Garbage))),
        ("x", None, None),
        ("x", None, Some(("oauth2.token", Fault::ServerErrorAfterCommit))),
        ("x", None, Some(("users.me", Fault::Garbage))),
        ("instagram", None, None),
        ("instagram", None, Some(("oauth.exchange", Fault::ServerError))),
        ("instagram", Some(test.facebook()), None),
    ] {
        if server.as_deref() == Some(&test.facebook()) {
            test.sim.platform("instagram").set(&facebook).expect("settings");
        }
        if let Some((call, fault)) = fault {
            test.sim.plan(Rule::once(platform, call, fault));
        }
        let ticket = test.ticket(platform, server.as_deref(), None).await;
        let page = browser.go(&test.start_url(platform, &ticket), APPLICATION).await;
        tickets.push(ticket);
        let page = confirmed(&test, &browser, page, &mut tickets).await;
        if let Some(choice) = page.after("name=\"choice\" value=\"") {
            let ids = page.all_after("name=\"account\" value=\"");
            let form: Vec<_> = [("choice", choice.as_str())]
                .into_iter()
                .chain(ids.iter().map(|id| ("account", id.as_str())))
                .collect();
            let action = page.after("action=\"").expect("an action");
            let done = browser.submit(&action, &form, APPLICATION).await;
            test.connected(&confirmed(&test, &browser, done, &mut tickets).await);
            tickets.push(choice);
        }
    }
    let mut secrets = bluesky(&test, &browser, &mut tickets).await;
    crierd.terminate();
    assert!(crierd.ended().await.success());
    test.sql.run(&format!("CREATE TABLE planted AS SELECT '{PLANTED}'::text AS secret")).await;
    test.sql.run("CHECKPOINT").await;

    secrets.extend([
        Secret::new("planted", PLANTED),
        Secret::new("the app's secret", crier_tests::connecting::APP.1),
    ]);
    let mut states = 0;
    for url in browser.visited() {
        let url: reqwest::Url = url.parse().expect("an address");
        for (name, value) in url.query_pairs() {
            if ["state", "code", "code_challenge"].contains(&name.as_ref()) {
                states += 1;
                secrets.push(Secret::new(&format!("{name} {value}"), &value));
            }
        }
    }
    assert!(states > 20, "expected the browser to have carried states and codes, found {states}");
    let named = |what: &str, texts: Vec<String>| {
        texts
            .into_iter()
            .enumerate()
            .map(|(at, text)| Secret::new(&format!("{what} {at}"), &text))
            .collect::<Vec<_>>()
    };
    secrets.extend(named("ticket", tickets));
    secrets.extend(named("cookie", browser.cookies()));
    let tokens = test.sim.issued_tokens();
    assert!(tokens.len() > 10, "{}", tokens.len());
    secrets.extend(named("token", tokens));
    let server = test.database.server();
    let (data, log) = (server.data_dir(), server.log_path());
    let findings = scan(&[&data, &log, test.deployment.dir()], &secrets);
    let (planted, leaked): (Vec<Finding>, Vec<Finding>) =
        findings.into_iter().partition(|finding| finding.secret == "planted");
    let its_file =
        Finding { secret: "the app's secret".into(), file: test.deployment.dir().join("app.secret") };
    assert_eq!(leaked, [its_file], "expected no secret in any file, but the app's in its own");
    assert!(!planted.is_empty(), "expected what was planted to be found");
    let log = test.deployment.logs();
    assert!(
        log.contains("accounts were connected") && log.contains("a login has failed"),
        "expected the logins in the log"
    );
    assert!(server.log().contains("take_oauth_state"), "expected the log to hold the statements");
}
