//! Tokens, their scopes and their ends.

use crier_tests::sim::Sim;
use serde_json::json;

use super::{Api, NAME, send, set, text};

const INVALID: &str = "The access token is invalid";
const SCOPES: &str = "This action is outside the authorized scopes";

#[tokio::test]
async fn an_account_is_connected_with_its_token() {
    let sim = Sim::start();
    let bob = Api::on(&sim, "bob");
    let own = bob.get("api/v1/accounts/verify_credentials").await.ok();
    assert_eq!((&own["id"], &own["acct"]), (&json!(bob.id), &json!("bob")));
    assert_eq!(own["source"]["privacy"], json!("public"));
    for acct in
        ["bob".to_owned(), "@BOB".to_owned(), format!("bob@{}", sim.url().trim_start_matches("http://"))]
    {
        let found = bob.with_token("").get(&format!("api/v1/accounts/lookup?acct={acct}")).await.ok();
        assert_eq!(found["id"], json!(bob.id), "{acct}");
    }
    for acct in ["eve", "bob@b.example", ""] {
        let lost = bob.get(&format!("api/v1/accounts/lookup?acct={acct}")).await;
        assert_eq!(lost.refused(), (404, "Record not found"), "{acct}");
    }
    for token in ["", "wrong"] {
        let reply = bob.with_token(token).publish(&json!({"status": "x"})).await;
        assert_eq!(reply.refused(), (401, INVALID));
        assert!(reply.header("www-authenticate").starts_with("Bearer realm=\"Doorkeeper\""), "{reply:?}");
    }
    assert!(sim.issued_tokens().contains(&bob.token));
    assert_eq!(sim.add_account(NAME, "Bob", "another token"), bob.id, "an account can have several tokens");
    bob.with_token("another token").publish(&json!({"status": "x"})).await.ok();
}

#[tokio::test]
async fn tokens_end() {
    let sim = Sim::start();
    let (bob, eve) = (Api::on(&sim, "bob"), Api::on(&sim, "eve"));
    set(&sim, json!({"logins_disabled": true}));
    let disabled = bob.publish(&json!({"status": "x"})).await;
    assert_eq!(disabled.refused(), (403, "Your login is currently disabled"));
    set(&sim, json!({"logins_disabled": false}));
    bob.publish(&json!({"status": "x"})).await.ok();
    let is_refused = async |expected: &str| {
        assert_eq!(bob.publish(&json!({"status": "x"})).await.refused(), (401, expected));
        assert_eq!(bob.get(&format!("api/v1/accounts/{}/statuses", bob.id)).await.refused(), (401, expected));
        eve.publish(&json!({"status": "x"})).await.ok();
    };
    sim.platform(NAME).expire("bob");
    is_refused("The access token expired").await;
    sim.platform(NAME).revoke("bob");
    is_refused("The access token was revoked").await;
}

#[tokio::test]
async fn applications_get_tokens_of_their_own() {
    let sim = Sim::start();
    let bob = Api::on(&sim, "bob");
    let app = json!({
        "client_name": "crier", "redirect_uris": ["urn:ietf:wg:oauth:2.0:oob"], "scopes": "read write:media",
        "website": "https://crier.example",
    });
    for (name, value, expected) in [
        ("client_name", json!(""), "Application name can't be blank"),
        ("redirect_uris", json!([]), "Redirect URI can't be blank"),
        ("redirect_uris", json!("nowhere"), "Redirect URI must be an absolute URI."),
        ("scopes", json!("everything"), "Scopes doesn't match configured on the server."),
    ] {
        let mut bad = app.clone();
        bad[name] = value;
        let expected = format!("Validation failed: {expected}");
        assert_eq!(bob.post("api/v1/apps", &bad).await.refused(), (422, expected.as_str()));
    }
    let app = bob.post("api/v1/apps", &app).await.ok();
    assert_eq!(app["redirect_uris"], json!(["urn:ietf:wg:oauth:2.0:oob"]));
    let (id, secret) = (text(&app["client_id"]), text(&app["client_secret"]));

    let grant = async |form: &str| bob.post_form("oauth/token", form).await;
    let client = format!("client_id={id}&client_secret={secret}");
    for (form, expected) in [
        (client.clone(), (400, "invalid_request")),
        (format!("{client}&grant_type=password"), (400, "unsupported_grant_type")),
        (
            format!("client_id={id}&client_secret=wrong&grant_type=client_credentials"),
            (401, "invalid_client"),
        ),
        (format!("{client}&grant_type=authorization_code&code=x"), (400, "invalid_grant")),
        (format!("{client}&grant_type=client_credentials&scope=push"), (400, "invalid_scope")),
    ] {
        let reply = grant(&form).await;
        assert_eq!(reply.refused(), expected, "{form}");
        assert!(reply.body["error_description"].is_string(), "{reply:?}");
    }
    let given = grant(&format!("{client}&grant_type=client_credentials&scope=read+write:media")).await.ok();
    assert_eq!((&given["token_type"], &given["scope"]), (&json!("Bearer"), &json!("read write:media")));
    let token = text(&given["access_token"]);
    let issued = sim.issued_tokens();
    assert!([token, secret].iter().all(|secret| issued.iter().any(|issued| issued == secret)));

    let app = bob.with_token(token);
    assert_eq!(app.publish(&json!({"status": "x"})).await.refused(), (403, SCOPES));
    let no_user = (422, "This method requires an authenticated user");
    assert_eq!(app.upload(b"", "").await.refused(), no_user);
    assert_eq!(app.get("api/v1/accounts/verify_credentials").await.refused(), no_user);

    let revoke = async |token: &str| bob.post_form("oauth/revoke", &format!("{client}&token={token}")).await;
    assert_eq!(revoke(&bob.token).await.refused(), (403, "unauthorized_client"));
    assert_eq!(revoke(token).await.ok(), json!({}));
    let ended = app.get("api/v1/accounts/verify_credentials").await;
    assert_eq!(ended.refused(), (401, "The access token was revoked"));
}

#[tokio::test]
async fn some_servers_want_to_know_the_program() {
    let sim = Sim::start();
    let url = format!("{}/api/v2/instance", sim.url_of(NAME));
    let ask = async |agent: &str| {
        let request = crier_tests::http::client().get(&url);
        let request = if agent.is_empty() { request } else { request.header("User-Agent", agent) };
        send("instance", request).await
    };
    assert_eq!(ask("").await.status, 200);
    set(&sim, json!({"user_agent_needed": true}));
    assert_eq!(ask("").await.refused(), (418, "I'm a teapot: no user-agent sent with request"));
    assert_eq!(ask("crier").await.status, 200);
}
