//! Servers that send back what they were given: nothing of it is in what a provider says, whatever it was asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::client::Client;
use crate::media::Fetcher;
use crate::providers::{Apps, NoOthers, Providers};

/// What must not be seen. Some need an escape in JSON and in addresses.
const ACCESS: &str = "eyJcanary/access+token=1-and-more-of-it";
const REFRESH: &str = "canary-refresh\"token~2";
const APP: &str = "canary-app-secret-3";

/// What a server answers everything with.
type Echo = (u16, Vec<(&'static str, String)>, String);

/// Every shape in which a platform's answers say something, with `word` in each field.
fn bodies(word: &str) -> Vec<String> {
    let address = format!("https://e.example/{word}");
    let nested =
        json!({ "message": word, "error_user_msg": word, "type": word, "code": 1, "error_subcode": 2 });
    let processing = json!({ "state": "failed", "error": { "message": word } });
    vec![
        json!({ "error": word, "message": word, "error_description": word, "title": word, "detail": word,
                "type": address, "errors": [{ "message": word, "detail": word, "type": address }] })
        .to_string(),
        json!({ "error": nested }).to_string(),
        json!({ "error": { "message": "Your media IDs are invalid." }, "title": word, "detail": format!("media ids are invalid {word}") })
            .to_string(),
        json!({ "id": word, "url": address, "uri": address, "username": word, "user_id": word, "did": word,
                "handle": word, "accessJwt": "new", "refreshJwt": "new", "access_token": "new", "cid": word,
                "status_code": word, "status": word, "permalink": address, "text": word, "blob": { "ref": word },
                "data": { "id": word, "username": word, "processing_info": processing } })
        .to_string(),
        json!({ "id": "7", "url": address, "created_at": "2099-01-01T00:00:00Z", "status_code": "FINISHED",
                "permalink": address, "data": { "id": "7", "processing_info": processing } })
        .to_string(),
        json!([{ "id": word, "url": address, "created_at": word }]).to_string(),
        json!({ "ok": false, "error_code": 400, "description": word }).to_string(),
        json!({ "ok": true, "result": { "message_id": 7, "id": 7, "is_bot": true, "username": word, "type": "channel",
                "chat": { "id": 42, "username": word } } })
        .to_string(),
        // cut off in the middle of the word
        format!("{{\"error\":\"{}{word}\"}}", "x".repeat(390)),
        // not escaped at all
        format!("<html>{word}</html>"),
    ]
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn echoes() -> Vec<Echo> {
    let mut echoes = vec![];
    let all = format!("{ACCESS} Bearer {REFRESH} {APP}");
    for word in [all.clone(), percent(&all), all.replace('/', "%2F")] {
        for body in bodies(&word) {
            for status in [200, 302, 400, 401, 403, 429, 500] {
                let word = percent(&word);
                let location = format!("https://e.example/?token={word}");
                let headers = vec![("location", location), ("retry-after", word.clone()), ("x-echo", word)];
                echoes.push((status, headers, body.clone()));
            }
        }
    }
    echoes
}

/// A server that answers everything with what it was last told.
async fn server(echo: Arc<Mutex<Echo>>) -> String {
    let app = Router::new().fallback(move || {
        let (status, headers, body) = echo.lock().unwrap().clone();
        async move {
            let mut response = Response::builder().status(StatusCode::from_u16(status).unwrap());
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(axum::body::Body::from(body)).unwrap()
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

/// Everything that a provider says, whatever it is asked, and what was given to it with the question.
async fn said(provider: &dyn Provider, base_url: &str) -> Vec<(&'static [&'static str], String)> {
    fn told<T: std::fmt::Debug>(result: Result<T, Failure>) -> String {
        match result {
            Ok(value) => format!("{value:?}"),
            Err(failure) => format!("{failure} {failure:?} {}", failure.details()),
        }
    }
    let sample = provider.sample();
    let caller = sample.caller(base_url, ACCESS, REFRESH);
    let (post, frozen) = (&sample.post, sample.frozen(provider));
    let sought = Sought { frozen: &frozen, drafted: None, others: &NoOthers };
    let password = format!("{ACCESS}:{REFRESH}").into();
    let mut said = vec![
        told(provider.login(base_url, sample.handle, &password).await),
        told(provider.refresh(&caller).await),
        told(provider.prepare(&caller, post, &Value::Null).await),
        told(provider.commit(&caller, post, &frozen).await),
        told(provider.look(&caller.account, Some(&caller.session), sought).await),
        told(provider.metrics(&caller, "7").await),
    ];
    // what is prepared after the first piece
    if let Ok(Some(begun)) = provider.prepare(&caller, post, &Value::Null).await {
        said.push(told(provider.prepare(&caller, post, &begun).await));
    }
    let (of, text) = (String::from("7"), String::from("hi"));
    for act in [
        Act::Delete { post: of.clone() },
        Act::Like { post: of.clone(), key: Uuid::nil() },
        Act::Follow { account: of.clone(), key: Uuid::nil() },
        Act::DirectMessage { account: of, text, key: Uuid::nil() },
    ] {
        said.push(told(provider.act(&caller, &act).await));
    }
    let mut said: Vec<_> = said.into_iter().map(|said| (&[ACCESS, REFRESH, APP][..], said)).collect();
    said.push((&[ACCESS, APP], told(provider.login(base_url, sample.handle, &ACCESS.into()).await)));
    said.push((&[APP], told(provider.reach(base_url).await)));
    said
}

#[tokio::test]
async fn what_a_server_sends_back_of_a_secret_is_said_to_nobody() {
    let app = App { client_id: "the-app".into(), client_secret: Some(APP.into()) };
    let apps = Apps::from_iter([("x", app)]);
    let providers = Providers::new(&Client::new().unwrap(), &Fetcher::new().unwrap(), &apps);
    let last = Arc::new(Mutex::new((200, vec![], String::new())));
    let base_url = server(Arc::clone(&last)).await;
    let (mut hidden, mut leaks) = (0, vec![]);
    for echo in echoes() {
        *last.lock().unwrap() = echo.clone();
        for provider in providers.iter() {
            let platform = provider.platform().name;
            for (given, said) in said(provider.as_ref(), &base_url).await {
                hidden += said.matches("[redacted]").count();
                let shown = said.replace("\\\\", "\\").replace("\\\"", "\"");
                for secret in given {
                    let is_shown = [(*secret).to_owned(), percent(secret), secret.replace('/', "%2F")]
                        .iter()
                        .any(|written| shown.contains(written.as_str()))
                        || shown.contains(&secret[..10])
                        || shown.contains(&secret[secret.len() - 8..]);
                    // nobody else has an app
                    if is_shown && (platform == "x" || *secret != APP) {
                        leaks.push(format!("{platform}, {} {}: {said}", echo.0, echo.2));
                    }
                }
            }
        }
    }
    assert!(leaks.is_empty(), "{} leaks, for instance:\n{}", leaks.len(), leaks[0]);
    assert!(hidden > 1_000, "only {hidden} secrets were sent back: the test sees too little");
}
