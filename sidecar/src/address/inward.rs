//! Every way to name what is inside, tried at every place where a tenant, or a stranger's document, names an address. Nothing is
//! connected to.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use crier_core::media::Attachment;
use crier_core::platform::bluesky::PLATFORM;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::client::Client;
use crate::media::Fetcher;
use crate::providers::{Apps, Ask, BlueskySettings, Failure, Providers, Reach};
use crate::secrets::memory::in_memory;
use crate::webhook::{Endpoint, Webhooks};

/// Names below this one resolve to what is inside: they did not when somebody looked.
pub(super) const REBINDING: &str = "rebinding.example";
pub(super) const ANSWERS: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
];

/// This machine.
const HERE: [&str; 5] = ["127.0.0.1", "localhost", "localhost.", "[::1]", "127.1"];
/// What else is inside.
const INSIDE: [&str; 20] = [
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "0.0.0.0",
    "[fe80::1]",
    "[fd00::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:10.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:7f00:1::]",
    // 10.0.0.1 and 169.254.169.254, as one number and in octal
    "167772161",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "rebinding.example",
    "a.rebinding.example",
];

const OUTSIDE: Reach = Reach { allow_loopback: false };
/// Where a document of the test's machine is read, but none of what it names may be followed inside.
const NEXT_DOOR: Reach = Reach { allow_loopback: true };
const DID: &str = "did:plc:abcdefghijklmnopqrstuvwx";

/// A directory of DIDs and a server in one. Its documents name a host, its server sends on to `elsewhere`.
async fn serve(host: &'static str, elsewhere: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let here = url.clone();
    let answer = move |request: Request| {
        let (here, elsewhere) = (here.clone(), elsewhere.clone());
        async move { tell(request.uri().path(), host, &here, &elsewhere) }
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    url
}

fn tell(path: &str, host: &str, here: &str, elsewhere: &str) -> Response {
    let inside = format!("https://{host}");
    let json = |value: Value| axum::Json(value).into_response();
    match path {
        // the account lives inside
        "/did:plc:abcdefghijklmnopqrstuvwx" => json(json!({
            "id": DID, "service": [{ "id": "#atproto_pds", "serviceEndpoint": inside }],
        })),
        "/.well-known/oauth-protected-resource" => {
            json(json!({ "resource": here, "authorization_servers": [here] }))
        }
        // logins are pushed inside
        "/.well-known/oauth-authorization-server" => json(json!({
            "issuer": here,
            "authorization_endpoint": format!("{here}/authorize"),
            "token_endpoint": format!("{here}/token"),
            "pushed_authorization_request_endpoint": format!("{inside}/par"),
            "scopes_supported": ["atproto"],
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "dpop_signing_alg_values_supported": ["ES256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "authorization_response_iss_parameter_supported": true,
            "client_id_metadata_document_supported": true,
        })),
        _ => (StatusCode::FOUND, [(LOCATION, elsewhere)]).into_response(),
    }
}

fn providers(plc_directory: &str) -> Providers {
    let settings = BlueskySettings {
        plc_directory: plc_directory.to_owned(),
        handle_resolver: plc_directory.to_owned(),
        ..BlueskySettings::default()
    };
    let apps = Apps::default().with_bluesky(settings);
    Providers::new(&Client::new().unwrap(), &Fetcher::new().unwrap(), &apps)
}

/// Begins a login at a server that was named, or of an account.
async fn login(
    providers: &Providers,
    platform: &str,
    named: &str,
    again: Option<&str>,
    reach: Reach,
) -> Result<(), Failure> {
    let connect = providers.get(platform).unwrap().connect().unwrap();
    let server = connect.server(Some(named), reach)?;
    let state = SecretString::from("the-state");
    let redirect_uri = "http://127.0.0.1:8480/oauth/x/callback";
    let app = match connect.registers() {
        true => Some(connect.register(&server, redirect_uri, reach).await?),
        false => None,
    };
    let ask = Ask {
        public_url: "http://127.0.0.1:8480",
        redirect_uri,
        state: &state,
        named: Some(named),
        server: &server,
        again,
        app: app.as_ref(),
        reach,
    };
    connect.begin(&ask).await.map(drop)
}

/// Whether a failure says that the address is one that must not be called, and not that nobody answered there.
fn is_refused(failure: &Failure) -> bool {
    ["no public address", "not an IP address", "must begin with https", "must use port 443"]
        .iter()
        .any(|why| failure.message.contains(why))
}

#[tokio::test]
async fn nothing_inside_is_called_by_whatever_name() {
    let media = Fetcher::new().unwrap();
    let alerts = Webhooks::new(Client::new().unwrap(), Arc::new(in_memory()), false);
    let mut called = Vec::new();
    for (host, is_here) in HERE.map(|host| (host, true)).into_iter().chain(INSIDE.map(|host| (host, false))) {
        let (url, all) = (format!("https://{host}"), serve(host, format!("https://{host}/")).await);
        let providers = providers(&all);
        let picture = Attachment { url: format!("{url}/a.png"), alt: String::new(), stated: None };
        let endpoint = Endpoint {
            id: Uuid::nil(),
            workspace_id: Some(Uuid::nil()),
            url: url.clone(),
            sealed: alerts.new_secret(Some(Uuid::nil()), Uuid::nil()).await.unwrap().1,
        };
        let web = format!("did:web:{host}");
        let mut tried = vec![
            ("instance", login(&providers, "mastodon", &url, None, OUTSIDE).await),
            ("account's server", login(&providers, "bluesky", &url, None, OUTSIDE).await),
            ("document", login(&providers, "bluesky", &all, Some(DID), OUTSIDE).await),
            ("media", media.picture(&PLATFORM, 1, &picture).await.map(drop)),
            ("alerts", alerts.deliver(&endpoint, Uuid::nil(), "{}").await.map(drop)),
        ];
        if !is_here {
            // with this machine in reach, all else inside still is not
            tried.extend([
                ("instance next door", login(&providers, "mastodon", &url, None, NEXT_DOOR).await),
                ("account's server next door", login(&providers, "bluesky", &url, None, NEXT_DOOR).await),
                ("document next door", login(&providers, "bluesky", &all, Some(DID), NEXT_DOOR).await),
                ("issuer", login(&providers, "bluesky", &all, None, NEXT_DOOR).await),
            ]);
        }
        for (place, result) in tried {
            match result {
                Err(failure) if is_refused(&failure) => {}
                other => called.push(format!("{place} {host}: {other:?}")),
            }
        }
        // hosts of documents have no brackets, and ports are for tests
        let of_web = login(&providers, "bluesky", &all, Some(&web), NEXT_DOOR).await;
        assert!(of_web.is_err() || is_here, "{web}");
    }
    assert_eq!(called, [] as [String; 0], "\n{}", called.join("\n"));
}

#[tokio::test]
async fn nobody_is_followed_inside() {
    let inside = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", inside.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while inside.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let sends_on = serve("inside.example", url.clone()).await;
    let client = Client::new().unwrap();
    let providers = providers(&sends_on);
    assert!(login(&providers, "mastodon", &sends_on, None, NEXT_DOOR).await.is_err());
    for path in ["/did:web:x", "/a"] {
        let answer = client.send(client.request(reqwest::Method::GET, &format!("{sends_on}{path}"))).await;
        assert_eq!(answer.unwrap().status, 302);
    }
    let alerts = Webhooks::new(client, Arc::new(in_memory()), true);
    let sealed = alerts.new_secret(None, Uuid::nil()).await.unwrap().1;
    let endpoint = Endpoint { id: Uuid::nil(), workspace_id: None, url: sends_on, sealed };
    assert!(alerts.deliver(&endpoint, Uuid::nil(), "{}").await.is_err());
    assert_eq!(connections.load(Ordering::Relaxed), 0);
    // it would have been counted
    tokio::net::TcpStream::connect(url.trim_start_matches("http://").trim_end_matches('/')).await.unwrap();
    while connections.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
}
