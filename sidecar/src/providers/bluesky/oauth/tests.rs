//! Logins, refreshes and calls against a server that checks every proof and lies where it is told to.

mod server;

use crier_core::error_class::ErrorClass;
use secrecy::ExposeSecret;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::media::Fetcher;
use crate::providers::bluesky::Bluesky;
use crate::providers::{
    Account, Act, Ask, Begun, Callback, Connect, Frozen, Granted, Provider, Reach, VideoService, bare,
};
use crate::secrets::Es256;
use server::{DID, HANDLE, Server};

const HERE: Reach = Reach { allow_loopback: true };
const BACK: &str = "http://127.0.0.1:8480/oauth/bluesky/callback";

fn provider_with(server: &Server, client_keys: ClientKeys) -> Bluesky {
    let url = || server.url.clone();
    let settings = Settings { plc_directory: url(), handle_resolver: url(), client_keys, reach: HERE };
    Bluesky::new(Client::new().unwrap(), Fetcher::new().unwrap(), VideoService::None, settings)
}

fn provider(server: &Server) -> Bluesky {
    provider_with(server, ClientKeys::default())
}

fn ask<'a>(server: &'a str, state: &'a secrecy::SecretString, again: Option<&'a str>) -> Ask<'a> {
    Ask {
        public_url: "http://127.0.0.1:8480",
        redirect_uri: BACK,
        state,
        named: None,
        server,
        again,
        app: None,
        reach: Reach { allow_loopback: true },
    }
}

/// Begins a login: of whoever logs in, or of an account that has to log in again.
async fn begin(provider: &Bluesky, server: &Server, again: Option<&str>) -> Result<Begun, Failure> {
    provider.begin(&ask(&server.url, &"the-state-of-it".into(), again)).await
}

/// Begins one as an application asks for it that names an account or a server.
async fn begin_named(provider: &Bluesky, named: &str) -> Result<Begun, Failure> {
    let reach = Reach { allow_loopback: true };
    let server = provider.server(Some(named), reach)?;
    provider.begin(&Ask { named: Some(named), ..ask(&server, &"the-state-of-it".into(), None) }).await
}

/// Ends one with an answer that names this issuer.
async fn finish(
    provider: &Bluesky,
    server: &Server,
    begun: &Begun,
    iss: Option<&str>,
) -> Result<Granted, Failure> {
    let (state, code) = ("the-state-of-it".into(), "the-code".into());
    let callback = Callback { code: &code, iss, ask: ask(&server.url, &state, None) };
    let mut granted = provider.finish(&begun.kept, &callback).await?;
    assert_eq!(granted.len(), 1);
    Ok(granted.remove(0))
}

async fn login(provider: &Bluesky, server: &Server) -> Granted {
    let begun = begin(provider, server, Some(DID)).await.unwrap();
    finish(provider, server, &begun, Some(&server.url)).await.unwrap()
}

fn caller(granted: Granted) -> Caller {
    let Granted { external_id, handle, base_url, session, .. } = granted;
    let account = Account { id: Uuid::nil(), external_id, handle, base_url, charges: Default::default() };
    Caller { account, session }
}

fn post(key: &str) -> Frozen {
    Frozen { key: key.into(), request: json!({ "$type": "app.bsky.feed.post", "text": "hi" }).to_string() }
}

#[tokio::test]
async fn a_login_becomes_an_account_that_publishes_and_is_renewed() {
    for again in [Some(DID), None] {
        let server = Server::start().await;
        let provider = provider(&server);
        let begun = begin(&provider, &server, again).await.unwrap();
        let pushed = server.pushed();
        for (name, value) in [
            (
                "client_id",
                "http://localhost?redirect_uri=http%3A%2F%2F127.0.0.1%3A8480%2Foauth%2Fbluesky%2Fcallback&scope=atproto+transition%3Ageneric",
            ),
            ("response_type", "code"),
            ("redirect_uri", BACK),
            ("scope", "atproto transition:generic"),
            ("state", "the-state-of-it"),
            ("code_challenge_method", "S256"),
            // nobody is sent back without having been asked
            ("prompt", "consent"),
        ] {
            assert_eq!(pushed.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert_eq!(pushed.get("login_hint").map(String::as_str), again.map(|_| HANDLE));
        let page = begun.authorize_url.expose_secret();
        assert!(
            page.starts_with(&format!("{}/oauth/authorize?client_id=http%3A%2F%2Flocalhost", server.url)),
            "{page}"
        );
        assert!(page.ends_with("&request_uri=urn%3Athe-request") && !page.contains("state"), "{page}");

        let granted = finish(&provider, &server, &begun, Some(&server.url)).await.unwrap();
        assert_eq!((granted.external_id.as_str(), granted.handle.as_str()), (DID, HANDLE));
        assert_eq!(granted.base_url, server.url);
        assert!(granted.missing.is_empty());
        let mut caller = caller(granted);
        let bound = caller.session.bound.clone().unwrap();
        assert_eq!((bound.issuer.as_str(), bound.client_key), (server.url.as_str(), None));
        let lifetime = provider.lifetime(&caller.session);
        let life = lifetime.expires_at.unwrap().duration_since(lifetime.issued_at.unwrap()).unwrap();
        assert_eq!(life.as_secs(), 3_600);

        assert_eq!(
            provider.commit(&caller, &bare(), &post("k1")).await.unwrap().external_id,
            format!("at://{DID}/app.bsky.feed.post/k1")
        );
        let old = caller.session.access.clone();
        caller.session = provider.refresh(&caller).await.unwrap();
        assert_ne!(caller.session.access.expose_secret(), old.expose_secret());
        assert_eq!(caller.session.bound.as_ref().unwrap().key.thumbprint(), bound.key.thumbprint());
        provider.commit(&caller, &bare(), &post("k2")).await.unwrap();
        provider
            .act(&caller, &Act::Delete { post: format!("at://{DID}/app.bsky.feed.post/k1") })
            .await
            .unwrap();
        assert_eq!(server.failures(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn nonces_are_asked_for_once_and_then_known_and_each_side_has_its_own() {
    let server = Server::start().await;
    let provider = provider(&server);
    let caller = caller(login(&provider, &server).await);
    // each side was asked without a nonce once
    for key in ["k1", "k2", "k3"] {
        provider.commit(&caller, &bare(), &post(key)).await.unwrap();
    }
    assert_eq!(server.asked_for_nonce(), (1, 1));
    // a new one with every answer is followed; an old one costs one more call
    server.with(|state| state.rotate = true);
    for key in ["k4", "k5", "k6"] {
        provider.commit(&caller, &bare(), &post(key)).await.unwrap();
    }
    assert_eq!(server.asked_for_nonce(), (1, 1));
    server.with(|state| state.nonce += 7);
    provider.commit(&caller, &bare(), &post("k7")).await.unwrap();
    assert_eq!(server.asked_for_nonce(), (1, 2));
    provider.refresh(&caller).await.unwrap();
    assert_eq!(server.asked_for_nonce(), (2, 2));
}

#[tokio::test]
async fn a_server_that_is_never_content_is_asked_twice_and_no_more() {
    let server = Server::start().await;
    let provider = provider(&server);
    let caller = caller(login(&provider, &server).await);
    server.with(|state| state.never_content = true);
    let before = server.asked_for_nonce();
    let failure = provider.commit(&caller, &bare(), &post("k1")).await.unwrap_err();
    assert_eq!((failure.class, failure.code.as_deref()), (ErrorClass::Transient, Some("use_dpop_nonce")));
    let failure = provider.refresh(&caller).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::Transient, "{failure}");
    let after = server.asked_for_nonce();
    assert_eq!((after.0 - before.0, after.1 - before.1), (2, 2));
}

#[tokio::test]
async fn an_answer_of_another_issuer_is_not_exchanged() {
    let server = Server::start().await;
    let provider = provider(&server);
    let begun = begin(&provider, &server, Some(DID)).await.unwrap();
    for iss in [None, Some(""), Some("https://issuer.example"), Some(&*format!("{}/", server.url))] {
        let failure = finish(&provider, &server, &begun, iss).await.unwrap_err();
        assert_eq!(failure.code.as_deref(), Some("wrong_issuer"), "{iss:?}");
    }
    assert_eq!(server.exchanges(), 0, "the code was shown");
    finish(&provider, &server, &begun, Some(&server.url)).await.unwrap();
}

#[tokio::test]
async fn only_the_account_that_was_meant_and_its_own_issuer_count() {
    let server = Server::start().await;
    let provider = provider(&server);
    // another account than the one that was meant
    let begun = begin(&provider, &server, Some(DID)).await.unwrap();
    server.with(|state| state.sub = json!("did:plc:bbbbbbbbbbbbbbbbbbbbbbbb"));
    let failure = finish(&provider, &server, &begun, Some(&server.url)).await.unwrap_err();
    assert_eq!(failure.code.as_deref(), Some("wrong_account"), "{failure}");
    assert_eq!(server.revoked(), 1);
    // an account that lives elsewhere: its own server names another issuer
    let begun = begin(&provider, &server, None).await.unwrap();
    let elsewhere = Server::start().await;
    server.with(|state| (state.sub, state.home) = (json!(DID), elsewhere.url.clone()));
    let failure = finish(&provider, &server, &begun, Some(&server.url)).await.unwrap_err();
    assert_eq!(failure.code.as_deref(), Some("wrong_issuer"), "{failure}");
    assert_eq!(server.revoked(), 2);
    // none at all
    for sub in [json!(null), json!(""), json!("alice"), json!(7), json!("did:plc:cccccccccccccccccccccccc")] {
        let begun = begin(&provider, &server, None).await.unwrap();
        server.with(|state| (state.sub, state.home) = (sub.clone(), server.url.clone()));
        assert!(finish(&provider, &server, &begun, Some(&server.url)).await.is_err(), "{sub}");
    }
    assert_eq!(server.revoked(), 7);
}

#[tokio::test]
async fn what_nobody_will_use_is_taken_back() {
    let server = Server::start().await;
    let provider = provider(&server);
    let granted = login(&provider, &server).await;
    provider.revoke(&server.url, None, &granted.session, Reach { allow_loopback: false }).await;
    assert_eq!(server.revoked(), 0, "a server that may not be called was called");
    provider.revoke(&server.url, None, &granted.session, HERE).await;
    assert_eq!(server.revoked(), 1);
    let failure = provider.commit(&caller(granted), &bare(), &post("k1")).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::AuthExpired, "{failure}");
}

#[tokio::test]
async fn tokens_must_be_what_was_asked_for() {
    let server = Server::start().await;
    let provider = provider(&server);
    for (name, value, class) in [
        ("scope", json!("atproto"), ErrorClass::Permission),
        ("scope", json!("transition:generic"), ErrorClass::Permission),
        ("scope", json!(null), ErrorClass::Permission),
        ("token_type", json!("Bearer"), ErrorClass::Unsupported),
        ("token_type", json!(null), ErrorClass::Unsupported),
        ("refresh_token", json!(null), ErrorClass::Unsupported),
        ("refresh_token", json!(""), ErrorClass::Unsupported),
        ("access_token", json!(""), ErrorClass::Unsupported),
        ("access_token", json!(null), ErrorClass::Transient),
    ] {
        let begun = begin(&provider, &server, Some(DID)).await.unwrap();
        server.with(|state| state.change = Some((name, value.clone())));
        let failure = finish(&provider, &server, &begun, Some(&server.url)).await.unwrap_err();
        assert_eq!(failure.class, class, "{name} {value}: {failure}");
    }
}

#[tokio::test]
async fn an_issuer_that_says_otherwise_gets_no_login() {
    for (field, value) in [
        ("issuer", json!("https://issuer.example")),
        ("authorization_response_iss_parameter_supported", json!(false)),
        ("pushed_authorization_request_endpoint", json!("http://10.0.0.1/par")),
        ("token_endpoint", json!("https://169.254.169.254/token")),
    ] {
        let server = Server::start().await;
        server.with(|state| state.says = Some((field, value.clone())));
        let failure = begin(&provider(&server), &server, Some(DID)).await.unwrap_err();
        assert_eq!(failure.class, ErrorClass::Unsupported, "{field}: {failure}");
        assert!(server.pushed().is_empty(), "{field}");
    }
}

#[tokio::test]
async fn an_account_is_found_by_its_name() {
    let server = Server::start().await;
    let provider = provider(&server);
    // the host of the name is never asked: it need not be there, or it answers for all names below it
    for named in [HANDLE, "@Alice.Test", " alice.test "] {
        let begun = begin_named(&provider, named).await.unwrap();
        assert_eq!(server.pushed().get("login_hint").map(String::as_str), Some(HANDLE), "{named}");
        let granted = finish(&provider, &server, &begun, Some(&server.url)).await.unwrap();
        assert_eq!((granted.external_id.as_str(), granted.handle.as_str()), (DID, HANDLE));
    }
    // written as an address, it is a server's, and a name's where there is no server
    begin_named(&provider, "https://alice.test").await.unwrap();
    assert_eq!(server.pushed().get("login_hint").map(String::as_str), Some(HANDLE));
}

#[tokio::test]
async fn an_account_that_has_another_name_logs_in_again() {
    let server = Server::start().await;
    let provider = provider(&server);
    server.with(|state| state.claims = Some("renamed.test"));
    let begun = begin(&provider, &server, Some(DID)).await.unwrap();
    assert_eq!(server.pushed().get("login_hint").map(String::as_str), Some("renamed.test"));
    let granted = finish(&provider, &server, &begun, Some(&server.url)).await.unwrap();
    assert_eq!((granted.external_id.as_str(), granted.handle.as_str()), (DID, "renamed.test"));
}

#[tokio::test]
async fn a_name_counts_only_where_its_account_claims_it() {
    let server = Server::start().await;
    let failure = begin_named(&provider(&server), "mallory.test").await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::TargetMissing, "{failure}");
    // whom the name leads to, and whom it doesn't
    server.with(|state| state.names_nobody = true);
    let failure = begin_named(&provider(&server), HANDLE).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::TargetMissing, "{failure}");
    for again in [None, Some(DID)] {
        let begun = begin(&provider(&server), &server, again).await.unwrap();
        let granted = finish(&provider(&server), &server, &begun, Some(&server.url)).await.unwrap();
        assert_eq!(granted.handle, "handle.invalid");
    }
}

#[tokio::test]
async fn an_accounts_own_server_has_no_say_in_whose_a_name_is() {
    let (server, resolver) = (Server::start().await, Server::start().await);
    resolver.with(|state| state.names_nobody = true);
    // the server says that the name leads to its account, and is not asked
    let settings = Settings {
        plc_directory: server.url.clone(),
        handle_resolver: resolver.url.clone(),
        client_keys: ClientKeys::default(),
        reach: HERE,
    };
    let provider =
        Bluesky::new(Client::new().unwrap(), Fetcher::new().unwrap(), VideoService::None, settings);
    for again in [None, Some(DID)] {
        let begun = begin(&provider, &server, again).await.unwrap();
        let granted = finish(&provider, &server, &begun, Some(&server.url)).await.unwrap();
        assert_eq!(granted.handle, "handle.invalid");
    }
    resolver.with(|state| state.names_nobody = false);
    let begun = begin(&provider, &server, None).await.unwrap();
    assert_eq!(finish(&provider, &server, &begun, Some(&server.url)).await.unwrap().handle, HANDLE);
}

#[tokio::test]
async fn a_server_is_an_address_or_a_name_and_not_in_our_network() {
    let server = Server::start().await;
    let provider = provider(&server);
    let outside = Reach { allow_loopback: false };
    for (named, base) in [
        (None, "https://bsky.social"),
        (Some(" "), "https://bsky.social"),
        (Some("https://PDS.example/"), "https://pds.example"),
        (Some("@Alice.Example"), "https://alice.example"),
        (Some("alice.bsky.social"), "https://alice.bsky.social"),
    ] {
        assert_eq!(provider.server(named, outside).as_deref(), Ok(base), "{named:?}");
    }
    for bad in [
        "http://localhost:1",
        "http://127.0.0.1:1",
        "https://10.0.0.1",
        "10.0.0.1",
        "alice",
        "https://a.example:8443",
    ] {
        assert!(provider.server(Some(bad), outside).is_err(), "{bad}");
    }
    assert!(provider.server(Some(&server.url), Reach { allow_loopback: true }).is_ok());
    // what a document of ours names outside of the test's machine is refused too
    let state = "the-state-of-it".into();
    let ask = Ask { reach: outside, ..ask(&server.url, &state, Some(DID)) };
    assert!(provider.begin(&ask).await.is_err());
    assert!(server.pushed().is_empty());
}

#[tokio::test]
async fn a_lost_answer_to_a_refresh_is_unknown_and_nothing_is_sent_again() {
    let server = Server::start().await;
    let provider = provider(&server);
    let mut caller = caller(login(&provider, &server).await);
    let sent = server.refreshes();
    server.with(|state| state.cut = true);
    let failure = provider.refresh(&caller).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::OutcomeUnknown, "{failure}");
    assert_eq!(server.refreshes(), sent + 1);
    // the server has done it: the old token is spent, and whoever shows it again ends the session
    provider.commit(&caller, &bare(), &post("k1")).await.unwrap();
    let failure = provider.refresh(&caller).await.unwrap_err();
    assert_eq!((failure.class, failure.code.as_deref()), (ErrorClass::AuthRevoked, Some("invalid_grant")));
    let failure = provider.commit(&caller, &bare(), &post("k2")).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::AuthExpired, "{failure}");

    caller.session = login(&provider, &server).await.session;
    for (status, class) in [(500, ErrorClass::OutcomeUnknown), (429, ErrorClass::RateLimited)] {
        server.with(|state| state.refuse = Some(status));
        assert_eq!(provider.refresh(&caller).await.unwrap_err().class, class, "{status}");
    }
    caller.account.external_id = "did:plc:bbbbbbbbbbbbbbbbbbbbbbbb".into();
    assert_eq!(provider.refresh(&caller).await.unwrap_err().class, ErrorClass::AuthRevoked);
}

#[tokio::test]
async fn a_session_of_a_key_that_is_gone_is_kept_and_not_shown() {
    let server = Server::start().await;
    let provider = provider(&server);
    let mut caller = caller(login(&provider, &server).await);
    let bound = caller.session.bound.as_mut().unwrap();
    bound.client_key = Some(Es256::generate().unwrap().thumbprint());
    let sent = server.refreshes();
    let failure = provider.refresh(&caller).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::Config, "{failure}");
    assert!(failure.message.contains("client_key_file"), "{failure}");
    assert_eq!(server.refreshes(), sent);
}

#[tokio::test]
async fn a_stream_goes_out_once_with_a_nonce_that_is_surely_good() {
    let server = Server::start().await;
    let provider = provider(&server);
    let caller = caller(login(&provider, &server).await);
    let film = "data:video/mp4;base64,AAAAIGZ0eXBpc29tAAACAGlzb20=";
    let post = crate::providers::Post {
        content: "a film".into(),
        media: json!([{ "url": film, "alt": "" }]),
        settings: json!({}),
        attempt: 1,
        reply_to: None,
    };
    provider.prepare(&caller, &post, &serde_json::Value::Null).await.unwrap();
    assert_eq!(server.uploads(), 1);
    assert_eq!(server.failures(), Vec::<String>::new());
    // where it is not, the stream is not sent again by itself: the next try does
    server.with(|state| state.nonce += 7);
    let failure = provider.prepare(&caller, &post, &serde_json::Value::Null).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::Transient, "{failure}");
    provider.prepare(&caller, &post, &serde_json::Value::Null).await.unwrap();
    assert_eq!(server.uploads(), 2);
}
