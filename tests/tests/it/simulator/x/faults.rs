//! Faults on demand, and clients that send anything at all.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::wait::wait_until;
use hyper::Method;
use serde_json::{Value, json};

use super::{Api, send, text};

fn once(fault: Fault) -> Rule {
    Rule::once("x", "tweets.create", fault)
}

#[tokio::test]
async fn every_fault_does_what_its_name_says() {
    let api = Api::new();
    // (fault, what the client gets, whether the tweet became visible)
    let cases: [(Fault, u16, Value, bool); 7] = [
        (Fault::RateLimited, 429, json!("Too Many Requests"), false),
        (Fault::Unauthorized, 401, json!("Unauthorized"), false),
        (Fault::ExpiredToken, 401, json!("Unauthorized"), false),
        (Fault::ServerError, 500, json!("Internal Server Error"), false),
        (Fault::ServerErrorAfterCommit, 500, json!("Internal Server Error"), true),
        (Fault::OddError, 401, Value::Null, false),
        (Fault::NulError, 400, json!("One or more parameters to your request was invalid."), false),
    ];
    for (fault, status, detail, visible) in cases {
        let before = api.sim.ledger().len();
        api.sim.plan(once(fault).seconds(60.0));
        let answer = api.tweet(json!({"text": format!("{fault:?}")})).await;
        assert_eq!((answer.status, &answer.body["detail"]), (status, &detail), "{fault:?}");
        assert_eq!(api.sim.ledger().len() - before, usize::from(visible), "{fault:?}");
        let remaining = answer.header("x-rate-limit-remaining");
        assert_eq!(remaining == 0, fault == Fault::RateLimited, "{fault:?}");
        match fault {
            Fault::OddError => assert!(answer.body["title"].is_array(), "{answer:?}"),
            Fault::NulError => assert!(answer.wrong().1.contains('\0'), "{answer:?}"),
            _ => {}
        }
    }
    api.sim.plan(once(Fault::Garbage));
    let garbled = api.tweet(json!({"text": "garbled"})).await;
    assert_eq!((garbled.status, garbled.body), (200, Value::Null), "a success that can't be read");
    api.sim.plan(once(Fault::ErrorInSuccess));
    let failed = api.tweet(json!({"text": "failed"})).await;
    assert_eq!((failed.status, failed.body.get("data")), (200, None));
    assert_eq!(failed.body["errors"][0]["title"], "Internal Server Error");
    api.sim.plan(once(Fault::Delay).seconds(0.01));
    api.publish("late").await;
    assert_eq!(api.published(), ["ServerErrorAfterCommit", "garbled", "late"]);
    assert_eq!(api.sim.faults_left(), 0);
}

#[tokio::test]
async fn answers_can_be_lost_and_held() {
    let api = Api::new();
    let attempt = async |words: &str| {
        let request = api.request(Method::POST, "2/tweets").bearer_auth(&api.access);
        request.json(&json!({"text": words})).send().await
    };
    for (fault, visible) in [(Fault::DropBeforeCommit, 0), (Fault::DropAfterCommit, 1)] {
        api.sim.plan(once(fault));
        let lost = attempt("lost").await;
        assert!(lost.as_ref().is_err_and(|error| error.is_request()), "{fault:?}: {lost:?}");
        assert_eq!(api.sim.ledger().len(), visible, "{fault:?}");
    }
    assert_eq!(api.tweet(json!({"text": "lost"})).await.status, 403, "the second try meets the first");
    api.sim.plan(once(Fault::HoldAfterCommit));
    let release = async {
        wait_until("the number of held answers", 1, async || api.sim.held()).await;
        assert_eq!(api.sim.ledger().len(), 2, "held after the commit");
        api.sim.release();
    };
    let (held, ()) = tokio::join!(attempt("held"), release);
    assert_eq!(held.expect("an answer after the release").status(), 201);
    assert_eq!(api.sim.calls("tweets.create"), 4);
}

#[tokio::test]
async fn what_is_published_later_is_missing_in_reads_but_is_a_duplicate() {
    let api = Api::new();
    api.sim.plan(once(Fault::VisibleLater).seconds(1_000.0));
    let id = api.publish("later").await;
    assert_eq!(api.published(), ["later"]);
    let list = format!("2/users/{}/tweets", api.id);
    assert_eq!(api.get(&list).await.ok()["meta"]["result_count"], 0);
    for path in [format!("2/tweets/{id}"), format!("2/tweets?ids={id}")] {
        assert_eq!(api.get(&path).await.ok()["errors"][0]["title"], "Not Found Error", "{path}");
    }
    assert_eq!(api.tweet(json!({"text": "later"})).await.status, 403);
    let now = api.publish("now").await;
    assert_eq!(text(&api.get(&list).await.ok()["data"][0]["id"]), now, "only that one");
    api.delete(&id).await.ok();
    api.publish("later").await;
}

#[tokio::test]
async fn calls_have_stable_names() {
    let api = Api::new();
    let calls = [
        (Method::POST, "oauth2/token", "oauth2.token"),
        (Method::POST, "oauth2/revoke", "oauth2.revoke"),
        (Method::GET, "users/me", "users.me"),
        (Method::GET, "users/1/tweets", "users.tweets"),
        (Method::POST, "media/upload/initialize", "media.initialize"),
        (Method::POST, "media/upload/1/append", "media.append"),
        (Method::POST, "media/upload/1/finalize", "media.finalize"),
        (Method::GET, "media/upload", "media.status"),
        (Method::POST, "media/metadata", "media.metadata"),
        (Method::POST, "tweets", "tweets.create"),
        (Method::GET, "tweets", "tweets.lookup"),
        (Method::GET, "tweets/1", "tweets.lookup"),
        (Method::DELETE, "tweets/1", "tweets.delete"),
        (Method::PUT, "tweets", "2/tweets"),
    ];
    for (method, path, name) in calls {
        send(api.request(method, &format!("2/{path}"))).await;
        assert_eq!(api.sim.call_names().pop().as_deref(), Some(name), "{path}");
    }
}

#[tokio::test]
async fn no_request_stops_the_server() {
    let api = Api::new();
    let calls =
        ["oauth2.token", "oauth2.revoke", "users.me", "tweets.create", "tweets.delete", "tweets.lookup"];
    api.set(json!({"limits": calls.map(|call| (call, 1_000_000)).into_iter().collect::<HashMap<_, _>>()}));
    let bodies: [&[u8]; 9] = [
        b"",
        b"{",
        b"null",
        b"[[[[[]]]]]",
        b"\xff\xfe\0",
        b"{\"text\": {\"media\": []}, \"media\": 1, \"id\": [], \"metadata\": 7}",
        b"{\"total_bytes\": 18446744073709551615, \"media_type\": \"video/mp4\"}",
        b"--edge\r\n\r\n\r\n--edge",
        b"grant_type=%&refresh_token=%ff&client_id=%00",
    ];
    let paths = [
        "2/oauth2/token",
        "2/oauth2/revoke",
        "2/users/me?%",
        "2/users/%00/tweets?max_results=%ff&since_id=-1",
        "2/media/upload/initialize",
        "2/media/upload//append",
        "2/media/upload/%ff/finalize",
        "2/media/upload?command=STATUS&media_id=",
        "2/media/metadata",
        "2/tweets",
        "2/tweets?ids=,,,",
        "2/tweets/99999999999999999999999",
        "2/tweets/",
        "2//",
        "2",
        "",
        "images/",
        "images/../..",
    ];
    let kinds =
        ["application/json", "multipart/form-data; boundary=edge", "multipart/form-data; boundary=", ""];
    for path in paths {
        for method in [Method::GET, Method::POST, Method::DELETE, Method::PATCH] {
            for (body, kind) in bodies.iter().flat_map(|body| kinds.map(|kind| (*body, kind))) {
                let request = api.request(method.clone(), path).header("content-type", kind);
                let answer = send(request.bearer_auth(&api.access).body(body.to_vec())).await;
                assert!(answer.status < 500, "{method} {path} with {kind} {body:?}: {answer:?}");
            }
        }
    }
    let host = api.sim.url().replace("http://", "");
    for head in
        ["Authorization: Basic \u{e9}", "Authorization: Basic Og==", "Authorization: Bearer ", "X: \u{7f}"]
    {
        let mut stream = TcpStream::connect(&host).expect("a connection");
        write!(stream, "POST /x/2/oauth2/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n\r\n")
            .expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        assert!(answer.starts_with(b"HTTP/1.1 4"), "{head}: {}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(api.published(), [""; 0]);
    api.get("2/users/me").await.ok();
}
