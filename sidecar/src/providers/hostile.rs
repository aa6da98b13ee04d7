//! Every provider of the registry against servers that answer with nonsense: nothing panics, nothing is taken for a post, nothing for
//! its absence.

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use crier_core::error_class::ErrorClass;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Act, App, Apps, Caller, Failure, Found, Frozen, NoOthers, Post, Provider, Providers, Sought, served,
};
use crate::client::Client;
use crate::media::Fetcher;

/// A GIF of 3 by 2 pixels.
pub(super) const GIF: &str = "data:image/gif;base64,R0lGODdhAwACAIAAAAAAAP///ywAAAAAAwACAAACAoRdADs=";

/// A post as a platform can have one, for tests that ask all of them the same.
pub struct Sample {
    /// The post.
    pub post: Post,
    /// All that is prepared of it before it is drafted.
    pub prepared: Value,
    /// The account's id on the platform.
    pub external_id: &'static str,
    /// Its name there.
    pub handle: &'static str,
}

impl Sample {
    /// A short text.
    pub(crate) fn text() -> Self {
        let post = Post {
            content: "hi @bob.example".into(),
            media: json!([]),
            settings: json!({}),
            attempt: 1,
            reply_to: None,
        };
        Self { post, prepared: Value::Null, external_id: "42", handle: "alice" }
    }

    /// The same with an image.
    pub(crate) fn image() -> Self {
        let Self { post, .. } = Self::text();
        Self { post: Post { media: json!([{ "url": GIF, "alt": "" }]), ..post }, ..Self::text() }
    }

    /// The account, and tokens for it.
    pub(crate) fn caller(&self, base_url: &str, access: &str, refresh: &str) -> Caller {
        served::caller((self.external_id, self.handle), base_url, (access, refresh))
    }

    /// The post as it is written down.
    pub(crate) fn frozen(&self, provider: &dyn Provider) -> Frozen {
        let drafted = provider.draft(&self.post, &self.prepared);
        drafted.unwrap_or_else(|failure| {
            panic!("{}: its sample can't be drafted: {failure}", provider.platform().name)
        })
    }
}

/// What a server that makes no sense may say. Among them is no empty list: that says something.
const NONSENSE: [&[u8]; 12] = [
    b"",
    b"{",
    b"{}",
    b"null",
    b"7",
    b"\"ok?\"",
    b"[[]]",
    b"[7, null, {}]",
    b"<!DOCTYPE html><html><body>Sorry, something went wrong.</body></html>",
    br#"{"id":null,"data":7,"error":[],"errors":{},"ok":"yes","json":[],"message":{},"code":{},"status":[]}"#,
    br#"{"data":[{}],"items":[7],"children":[{}],"messages":[{}],"posts":[[]],"pins":"x"}"#,
    &[0xff, 0xfe, 0x00],
];
/// A platform that answers so has not said that there is no post.
const UNCLEAR: [u16; 4] = [200, 201, 500, 502];
/// Somebody else answers so, which may be known to mean that nothing was published.
const ELSEWHERE: [u16; 3] = [302, 403, 404];

async fn server(status: u16, body: &'static [u8]) -> String {
    let status = StatusCode::from_u16(status).expect("a status");
    let app =
        Router::new().fallback(move || async move { (status, [(CONTENT_TYPE, "application/json")], body) });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

/// All providers, each with an app of the operator's own.
pub(super) fn all() -> Providers {
    let app = |client_id: &str| App { client_id: client_id.into(), client_secret: Some("secret".into()) };
    let names = crier_core::platform::ALL.iter().map(|platform| (platform.name, app("the-app")));
    let apps = Apps::from_iter(names);
    Providers::new(&Client::new().expect("a client"), &Fetcher::new().expect("a fetcher"), &apps)
}

/// What is wrong with how a provider takes a server's answers.
async fn wrong(provider: &dyn Provider, url: &str, status: u16) -> Vec<String> {
    let sample = provider.sample();
    let caller = sample.caller(url, "canary-access-token", "canary-refresh-token");
    let frozen = sample.frozen(provider);
    let mut wrong = vec![];
    let secret = "canary-access-token:canary-refresh-token".into();
    if let Ok(login) = provider.login(url, sample.handle, &secret).await {
        wrong.push(format!("a login: {login:?}"));
    }
    if let Ok(session) = provider.refresh(&caller).await {
        wrong.push(format!("a session: {session:?}"));
    }
    match provider.commit(&caller, &sample.post, &frozen).await {
        Ok(published) => wrong.push(format!("a post: {published:?}")),
        // a server that is asked for something else first got nothing to publish
        Err(Failure { class: ErrorClass::OutcomeUnknown | ErrorClass::Transient, .. }) => {}
        Err(_) if ELSEWHERE.contains(&status) => {}
        Err(failure) => wrong.push(format!("a send that is said to have failed for good: {failure:?}")),
    }
    let sought = Sought { frozen: &frozen, drafted: None, others: &NoOthers };
    match provider.look(&caller.account, Some(&caller.session), sought).await {
        Ok(found @ (Found::Same(_) | Found::Absent)) => wrong.push(format!("a look: {found:?}")),
        Ok(Found::Other | Found::Pending) | Err(_) => {}
    }
    let _ = provider.prepare(&caller, &sample.post, &Value::Null).await;
    let _ = provider.metrics(&caller, "7").await;
    let _ = provider.reach(url).await;
    for act in [
        Act::Delete { post: "7".into() },
        Act::Like { post: "7".into(), key: Uuid::nil() },
        Act::Follow { account: "7".into(), key: Uuid::nil() },
        Act::DirectMessage { account: "7".into(), text: "hi".into(), key: Uuid::nil() },
    ] {
        let message = matches!(act, Act::DirectMessage { .. });
        match provider.act(&caller, &act).await {
            Ok(done) if message => wrong.push(format!("a message: {done:?}")),
            _ => {}
        }
    }
    wrong
}

#[tokio::test]
async fn no_nonsense_is_a_post_or_the_absence_of_one() {
    let providers = all();
    let mut found = vec![];
    for status in UNCLEAR.into_iter().chain(ELSEWHERE) {
        for body in NONSENSE {
            let url = server(status, body).await;
            for provider in providers.iter() {
                let of = |what: String| {
                    let body = String::from_utf8_lossy(body);
                    format!("{} took {status} {body:?} for {what}", provider.platform().name)
                };
                found.extend(wrong(provider.as_ref(), &url, status).await.into_iter().map(of));
            }
        }
    }
    assert!(
        found.is_empty(),
        "{} answers were taken for what they are not:\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn every_provider_writes_its_sample_down_the_same_twice_but_for_what_is_new() {
    for provider in all().iter() {
        let sample = provider.sample();
        let (one, two) = (sample.frozen(provider.as_ref()), sample.frozen(provider.as_ref()));
        assert!(!one.key.is_empty() && !one.request.is_empty(), "{}", provider.platform().name);
        assert_eq!(one.request.len(), two.request.len(), "{}", provider.platform().name);
    }
}
