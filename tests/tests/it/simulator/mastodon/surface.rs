//! What people and scripts see of the simulated server.

use crier_tests::images::png;
use crier_tests::sim::Sim;
use serde_json::{Value, json};

use super::{Api, NAME, send, text};

#[tokio::test]
async fn the_timeline_shows_statuses() {
    let sim = Sim::start();
    let bob = Api::on(&sim, "bob");
    let media = bob.upload(&png(8, 6, [200, 80, 20]), "an <alt>").await.ok();
    let given = json!({"status": "<b>see</b> https://crier.example/?a=1&b=2", "media_ids": [media["id"]]});
    let status = bob.publish(&given).await.ok();
    let page = crier_tests::http::get(sim.url()).await.expect("the page").text().await.expect("text");
    for expected in [
        "1 post",
        "<b>bob</b><span class=\"platform\">mastodon</span>",
        "<p>&lt;b&gt;see&lt;/b&gt; <a href=\"https://crier.example/?a=1&amp;b=2\" rel=\"noopener nofollow\">",
        "alt=\"an &lt;alt&gt;\"",
        "aspect-ratio:8/6",
        text(&status["url"]),
    ] {
        assert!(page.contains(expected), "expected {expected:?} in\n{page}");
    }
    let src = page.split("img src=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an image");
    let image = crier_tests::http::get(format!("{}{src}", sim.url())).await.expect("the image");
    assert_eq!(image.status(), 200);
}

#[tokio::test]
async fn the_control_interface_adds_accounts_and_changes_settings() {
    let sim = Sim::start();
    let control = async |path: &str, body: Value| {
        let url = format!("{}/control/{path}", sim.url());
        send(path, crier_tests::http::client().post(url).json(&body)).await
    };
    let account = |handle: &str| json!({"platform": NAME, "handle": handle, "password": "the token"});
    for bad in ["", "bob@sim", "bob.test", &"b".repeat(31)] {
        assert_eq!(control("accounts", account(bad)).await.status, 400, "{bad:?}");
    }
    let id = control("accounts", account("bob")).await.ok()["did"].clone();
    assert_eq!(control("accounts", account("eve")).await.status, 400, "the token is taken");
    let bob = Api {
        base: sim.url_of(NAME),
        client: crier_tests::http::client(),
        id: text(&id).into(),
        token: "the token".into(),
    };
    assert_eq!(bob.get("api/v1/accounts/verify_credentials").await.ok()["id"], id);

    let set =
        async |settings: Value| control("settings", json!({"platform": NAME, "settings": settings})).await;
    let expected = json!({
        "keys": "ignored", "key_seconds": 3_600.0, "processing_seconds": 0.5, "processing_fails": false,
        "user_agent_needed": false, "logins_disabled": false, "tells_of_itself": true,
        "consent": {"approve_as": null, "deny": false, "withhold": [], "iss": null, "state": null, "code_seconds": 0.0},
    });
    set(json!({"keys": "ignored"})).await.ok();
    assert_eq!(set(json!({"processing_seconds": 0.5})).await.ok(), expected);
    for bad in [json!({"keys": "nonsense"}), json!({"nonsense": 1}), json!([])] {
        assert_eq!(set(bad.clone()).await.status, 400, "{bad}");
    }
    for _ in 0..2 {
        bob.publish_under("one", "text").await.ok();
    }
    assert_eq!(sim.ledger().len(), 2, "keys are ignored");
    assert_eq!(bob.upload(&png(4, 3, [0; 3]), "").await.status, 202);

    let ledger = crier_tests::http::get(format!("{}/control/ledger", sim.url())).await.expect("the ledger");
    let mut entry = ledger.json::<Value>().await.expect("JSON")[1].take();
    let (at, uri) = (entry["at"].take(), entry["uri"].take());
    assert!(
        text(&at).ends_with('Z') && text(&uri).starts_with(&format!("{}/mastodon/@bob/", sim.url())),
        "{uri}"
    );
    let expected = json!({
        "platform": NAME, "account": "bob", "key": "one", "text": "text", "images": [], "at": null, "uri": null,
    });
    assert_eq!(entry, expected);
}
