//! A video against servers that answer by a script and write down what they were asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

use super::*;
use crate::client::Client;
use crate::media::Fetcher;
use crate::providers::bluesky::{Bluesky, Settings};
use crate::providers::{Account, Caller, Provider};
use crate::secrets::Session;

const SESSION: &str = "canary-session-token";
const SERVICE: &str = "canary-service-token";
const VIDEO: &[u8] = b"\0\0\0\x20ftypisom and more";

/// A script and a record of what came.
#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<VecDeque<(u16, Value)>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Script {
    fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> (StatusCode, String) {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let path = uri.path().trim_start_matches("/xrpc/");
        let mut asked = format!("{method} {path}?{}", uri.query().unwrap_or_default());
        for name in ["authorization", "content-type", "content-length"] {
            if !header(name).is_empty() {
                asked = format!("{asked} {}", header(name));
            }
        }
        // when it ends is another time each time
        if let Some((before, after)) = asked.clone().split_once("&exp=") {
            asked = format!("{before}{}", after.trim_start_matches(|c: char| c.is_ascii_digit()));
        }
        assert!(body.is_empty() || body == VIDEO, "other bytes");
        self.asked.lock().unwrap().push(asked);
        let (status, body) = self.answers.lock().unwrap().pop_front().expect("one call too many");
        (StatusCode::from_u16(status).unwrap(), body.to_string())
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

/// The provider and an account on a server that gives these answers one after the other, also as the service for videos.
async fn scripted(answers: &[(u16, Value)], with_service: bool) -> (Bluesky, Caller, Script) {
    let script =
        Script { answers: Arc::new(Mutex::new(answers.iter().cloned().collect())), ..Script::default() };
    let served = script.clone();
    let app =
        Router::new().fallback(async move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            served.answer(&method, &uri, &headers, &body)
        });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let service = if with_service { VideoService::At(base_url.clone()) } else { VideoService::Usual };
    let provider =
        Bluesky::new(Client::new().unwrap(), Fetcher::new().unwrap(), service, Settings::default());
    let account = Account {
        id: Uuid::nil(),
        external_id: "did:plc:a".into(),
        handle: "a.test".into(),
        base_url,
        charges: Default::default(),
    };
    let session = Session::new(SESSION.into(), "r".into());
    (provider, Caller { account, session }, script)
}

fn post(alt: &str) -> Post {
    let url = format!("data:video/mp4;base64,{}", STANDARD.encode(VIDEO));
    let media = json!([{ "url": url, "alt": alt }]);
    Post { content: "moves".into(), media, settings: json!({}), attempt: 1, reply_to: None }
}

fn processed_blob() -> Value {
    json!({ "$type": "blob", "ref": { "$link": "bafk" }, "mimeType": "video/mp4", "size": 9 })
}

fn token() -> (u16, Value) {
    (200, json!({ "token": SERVICE }))
}

fn job(state: &str) -> Value {
    json!({ "jobId": "j1", "did": "did:plc:a", "state": state })
}

fn status(state: &str) -> (u16, Value) {
    (200, json!({ "jobStatus": job(state) }))
}

fn done() -> (u16, Value) {
    let mut done = job("JOB_STATE_COMPLETED");
    done["blob"] = processed_blob();
    (200, json!({ "jobStatus": done }))
}

/// Every piece until there is none, and what was stored after each.
async fn prepared(
    answers: &[(u16, Value)],
    with_service: bool,
) -> (Result<Vec<Value>, Failure>, Vec<String>) {
    let (provider, caller, script) = scripted(answers, with_service).await;
    let (mut prepared, mut pieces) = (Value::Null, vec![]);
    loop {
        match provider.prepare(&caller, &post("a desk"), &prepared).await {
            Ok(Some(more)) => {
                pieces.push(more.clone());
                prepared = more;
            }
            Ok(None) => break,
            Err(failure) => return (Err(failure), script.asked()),
        }
    }
    assert!(script.answers.lock().unwrap().is_empty(), "expected more calls");
    let frozen = provider.draft(&post("a desk"), &prepared).unwrap();
    let record: Value = serde_json::from_str(&frozen.request).unwrap();
    let embed = json!({ "$type": "app.bsky.embed.video", "video": processed_blob(), "alt": "a desk" });
    assert_eq!(record["embed"], embed);
    (Ok(pieces), script.asked())
}

#[tokio::test(start_paused = true)]
async fn the_service_processes_it_before_the_post() {
    let answers = [token(), (200, job("JOB_STATE_CREATED")), status("JOB_STATE_ENCODING"), done()];
    let (pieces, asked) = prepared(&answers, true).await;
    let pieces = pieces.unwrap();
    // stored in between: a crash after it uploads nothing again
    assert_eq!(pieces[0]["video"]["stage"], json!({ "job": "j1" }));
    assert_eq!(pieces[1]["video"]["stage"], json!({ "blob": processed_blob() }));
    assert!(!format!("{pieces:?}").contains("canary"), "{pieces:?}");
    let port = |asked: &str| {
        let after = asked.split_once("127.0.0.1%253A").expect("a port").1;
        after.split('&').next().unwrap().to_owned()
    };
    let port = port(&asked[0]);
    let expected = [
        format!(
            "GET com.atproto.server.getServiceAuth?aud=did%3Aweb%3A127.0.0.1%253A{port}\
             &lxm=com.atproto.repo.uploadBlob Bearer {SESSION}"
        ),
        format!(
            "POST app.bsky.video.uploadVideo?did=did%3Aplc%3Aa&name=video.mp4 Bearer {SERVICE} video/mp4 {}",
            VIDEO.len()
        ),
        "GET app.bsky.video.getJobStatus?jobId=j1".into(),
        "GET app.bsky.video.getJobStatus?jobId=j1".into(),
    ];
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn without_a_service_it_goes_to_the_server() {
    let (pieces, asked) = prepared(&[(200, json!({ "blob": processed_blob() }))], false).await;
    assert_eq!(pieces.unwrap().len(), 1);
    assert_eq!(
        asked,
        [format!("POST com.atproto.repo.uploadBlob? Bearer {SESSION} video/mp4 {}", VIDEO.len())]
    );
}

#[tokio::test]
async fn what_the_service_has_already_is_not_processed_again() {
    let known = json!({ "error": "already_exists", "message": "Video already processed", "jobId": "j1" });
    assert_eq!(prepared(&[token(), (409, known.clone()), done()], true).await.0.unwrap().len(), 2);
    let mut with_blob = known;
    with_blob["blob"] = processed_blob();
    assert_eq!(prepared(&[token(), (409, with_blob)], true).await.0.unwrap().len(), 1);
    let (failed, _) = prepared(&[token(), (409, json!({ "error": "Conflict" }))], true).await;
    assert_eq!(failed.unwrap_err().class, ErrorClass::Transient);
}

#[tokio::test]
async fn a_job_that_failed_says_why() {
    let mut failed = job("JOB_STATE_FAILED");
    failed["failureCode"] = json!("encoding_failure");
    failed["message"] = json!("no video track");
    let (found, _) = prepared(&[token(), status("NEW"), (200, json!({ "jobStatus": failed }))], true).await;
    let found = found.unwrap_err();
    assert_eq!((found.class, found.code.as_deref()), (ErrorClass::ContentInvalid, Some("encoding_failure")));
    assert!(found.message.contains("no video track"), "{found}");
}

#[tokio::test]
async fn a_job_that_is_lost_is_made_again_once() {
    let lost = || (400, json!({ "error": "InvalidRequest", "message": "Job not found" }));
    let started = || [token(), status("JOB_STATE_CREATED")];
    let found = prepared(&[started().as_slice(), &[lost()], &started(), &[done()]].concat(), true).await.0;
    assert_eq!(found.unwrap()[1]["video"]["lost"], true);
    let mut refused = job("JOB_STATE_FAILED");
    refused["failureCode"] = json!("pds_upload_failure");
    let refused = (200, json!({ "jobStatus": refused }));
    let twice = prepared(&[started().as_slice(), &[refused], &started(), &[lost()]].concat(), true).await.0;
    assert_eq!(twice.unwrap_err().class, ErrorClass::Transient);
    // the word of something in between
    let between = prepared(&[started().as_slice(), &[(404, json!("no such page"))]].concat(), true).await.0;
    assert_eq!(between.unwrap_err().class, ErrorClass::Transient);
}

#[tokio::test]
async fn the_service_can_not_show_its_token_nor_end_a_session() {
    let word = format!("Bearer {SERVICE}");
    let echo = json!({ "error": word, "message": word, "jobId": SERVICE });
    for status in [200, 400, 401, 403, 409, 500] {
        let (found, _) = prepared(&[token(), (status, echo.clone()), (400, echo.clone())], true).await;
        let found = found.unwrap_err();
        assert!(!format!("{found:?}").contains(SERVICE), "{status}: {found:?}");
        assert!(
            !matches!(found.class, ErrorClass::AuthExpired | ErrorClass::AuthRevoked),
            "{status}: {found:?}"
        );
    }
    // that of the account's server can
    let expired = json!({ "error": "ExpiredToken", "message": "Token has expired" });
    let (found, _) = prepared(&[(400, expired)], true).await;
    assert_eq!(found.unwrap_err().class, ErrorClass::AuthExpired);
}

#[tokio::test]
async fn an_alternative_text_has_to_fit() {
    let (provider, caller, script) = scripted(&[], true).await;
    let failure = provider.prepare(&caller, &post(&"é".repeat(1_001)), &Value::Null).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::ContentInvalid);
    assert!(failure.message.contains("1001 graphemes") && script.asked().is_empty(), "{failure}");
}

#[test]
fn blueskys_own_servers_have_a_service() {
    let usual = |url| service(&VideoService::Usual, url);
    assert_eq!(usual("https://morel.us-east.host.bsky.network"), Some(BLUESKYS));
    for other in ["https://bsky.social", "https://evilbsky.network", "https://bsky.network.example", "", "x"]
    {
        assert_eq!(usual(other), None, "{other}");
    }
    assert_eq!(service(&VideoService::None, "https://morel.us-east.host.bsky.network"), None);
    let at = VideoService::At("https://video.example".into());
    assert_eq!(service(&at, "https://pds.example"), Some("https://video.example"));
}

#[test]
fn a_server_is_named_by_its_host() {
    for (url, did) in [
        ("https://pds.example", Some("did:web:pds.example")),
        ("https://pds.example:8443/path", Some("did:web:pds.example%3A8443")),
        ("x", None),
    ] {
        assert_eq!(did_of(url).as_deref(), did, "{url}");
    }
}

/// The service's answers as they were recorded.
#[test]
fn recorded_answers_are_understood() {
    let body = |name: &str| -> Value {
        let path = format!("{}/../tests/fixtures/bluesky/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let fixture: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let body = fixture["body"].clone();
        if body["jobStatus"].is_object() { body["jobStatus"].clone() } else { body }
    };
    for name in ["video_uploaded", "video_already_processed"] {
        assert!(matches!(stage(&body(name)), Ok(Stage::Job(_))), "{name}");
    }
    assert_eq!(outcome(&body("video_processing")), Ok(None));
    assert!(matches!(outcome(&body("video_processed")), Ok(Some(_))));
    assert_eq!(outcome(&body("video_failed")).unwrap_err().code.as_deref(), Some("validation_failure"));
}
