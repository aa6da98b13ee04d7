//! The login: what a workspace gives, and which channels are accounts by it.

use super::*;
use crate::providers::{Ask, Callback, Granted, Reach, UNKNOWN_APP};

const SCOPES: &str = "chat:write,channels:read,channels:history,groups:read,groups:history,files:write,files:read,\
                      reactions:write,reactions:read";

fn tokens(scopes: &str, more: Value) -> (u16, Value) {
    let mut tokens =
        json!({"access_token": TOKEN, "token_type": "bot", "scope": scopes, "bot_user_id": "U7"});
    for (name, value) in more.as_object().into_iter().flatten() {
        tokens[name] = value.clone();
    }
    ok(tokens)
}

fn granted() -> (u16, Value) {
    tokens(SCOPES, json!({}))
}

fn channels(list: Value, next: &str) -> (u16, Value) {
    ok(json!({"channels": list, "response_metadata": {"next_cursor": next}}))
}

/// A login on this server: the page that people are sent to, and what comes of the code.
async fn log_in(script: &Script) -> (String, Result<Vec<Granted>, Failure>) {
    let (provider, state, code) = (provider(), "the-state".into(), "the-code".into());
    let ask = || Ask {
        public_url: "https://crier.example",
        redirect_uri: "https://crier.example/oauth/slack/callback",
        state: &state,
        named: None,
        server: &script.url,
        again: None,
        app: provider.app.as_ref(),
        reach: Reach { allow_loopback: true },
    };
    let begun = provider.begin(&ask()).await.unwrap();
    let granted = provider.finish(&begun.kept, &Callback { code: &code, iss: None, ask: ask() }).await;
    (begun.authorize_url.expose_secret().to_owned(), granted)
}

/// What is asked, and where people are sent.
pub(super) async fn asked() -> Vec<String> {
    let list = channels(json!([{"id": "C022", "name": "general"}]), "the-next");
    let script = Script::start(vec![granted(), me(), list, channels(json!([]), "")]).await;
    let (page, _) = log_in(&script).await;
    std::iter::once(page).chain(script.seen()).collect()
}

#[tokio::test]
async fn each_channel_that_the_bot_is_in_is_an_account() {
    let first = json!([{"id": "C022", "name": "general"}, {"id": "../x", "name": "odd"}, 7]);
    let script =
        Script::start(vec![granted(), me(), channels(first, "next"), channels(json!([{"id": "G033"}]), "")])
            .await;
    let accounts = log_in(&script).await.1.unwrap();
    let shown: Vec<_> =
        accounts.iter().map(|account| (account.external_id.as_str(), account.handle.as_str())).collect();
    assert_eq!(shown, [(BOT, "#general"), ("T1/U7/G033", "G033")]);
    for Granted { base_url, session, missing, .. } in accounts {
        assert_eq!((base_url.as_str(), session.access.expose_secret()), (script.url.as_str(), TOKEN));
        assert!(session.refresh.expose_secret().is_empty() && session.expires_at.is_none());
        assert!(missing.is_empty(), "{missing:?}");
    }
}

#[tokio::test]
async fn private_channels_are_offered_where_they_may_be_read() {
    let public = "chat:write,channels:read,channels:history,groups:read";
    for (scopes, types) in [(SCOPES, "public_channel%2Cprivate_channel"), (public, "public_channel")] {
        let list = channels(json!([{"id": "C022", "name": "general"}]), "");
        let script = Script::start(vec![tokens(scopes, json!({})), me(), list]).await;
        let accounts = log_in(&script).await.1.unwrap();
        assert!(script.seen()[2].contains(&format!("types={types}&")), "{:?}", script.seen());
        assert_eq!(accounts[0].missing.contains(&"groups:history".to_owned()), scopes == public);
    }
}

#[tokio::test]
async fn a_login_that_comes_to_nothing_says_why() {
    let rotating = tokens(SCOPES, json!({"refresh_token": "xoxe-1-canary", "expires_in": 43_200}));
    let no_bot = ok(json!({"team_id": "T1", "user_id": "U7"}));
    for (answers, class, code) in [
        (vec![no("bad_client_secret")], ErrorClass::Config, Some(UNKNOWN_APP)),
        (vec![no("invalid_client_id")], ErrorClass::Config, Some(UNKNOWN_APP)),
        (vec![no("invalid_code")], ErrorClass::AuthRevoked, Some("invalid_code")),
        (vec![no("code_already_used")], ErrorClass::AuthRevoked, Some("code_already_used")),
        (vec![(500, json!("<html>"))], ErrorClass::Transient, None),
        (vec![(200, json!("<html>"))], ErrorClass::Transient, None),
        (vec![ok(json!({"access_token": ""}))], ErrorClass::Transient, None),
        // all channels would have copies of one refresh token
        (vec![rotating], ErrorClass::Config, None),
        (vec![tokens("chat:write,channels:read", json!({}))], ErrorClass::Permission, None),
        (
            vec![tokens("chat:write,channels:read,channels:history,files:write", json!({}))],
            ErrorClass::Permission,
            None,
        ),
        (vec![granted(), no_bot], ErrorClass::Permission, None),
        (vec![granted(), me(), no("missing_scope")], ErrorClass::Permission, Some("missing_scope")),
        (vec![granted(), me(), channels(json!([]), "")], ErrorClass::TargetMissing, None),
    ] {
        let (script, calls) = (Script::start(answers.clone()).await, answers.len());
        let failure = log_in(&script).await.1.unwrap_err();
        assert_eq!((failure.class, failure.code.as_deref()), (class, code), "{answers:?}: {failure}");
        assert_eq!(script.seen().len(), calls, "{answers:?}");
        assert!(!failure.message.contains("canary"), "{failure}");
    }
}

#[test]
fn there_is_no_login_for_webhooks() {
    let here = |named| provider().server(named, Reach::default()).ok();
    assert_eq!(here(None).as_deref(), Some(HOME));
    assert_eq!(here(Some(HOME)).as_deref(), Some(HOME));
    assert_eq!((here(Some(HOOKS)), here(Some("https://slack.com.evil.example"))), (None, None));
}
