//! Faults on demand, and requests that nobody should send.

use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::wait::wait_until;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use serde_json::{Value, json};

use super::{Api, NAME, send};

const CREATE: &str = "statuses.create";

#[tokio::test]
async fn every_fault_does_what_its_name_says() {
    let sim = Sim::start();
    let bob = Api::on(&sim, "bob");
    // (fault, what the client gets, whether the status became visible)
    let cases: [(Fault, (u16, &str), bool); 9] = [
        (Fault::RateLimited, (429, "Too many requests"), false),
        (Fault::Unauthorized, (401, "The access token is invalid"), false),
        (Fault::ExpiredToken, (401, "The access token expired"), false),
        (Fault::ServerError, (500, ""), false),
        (Fault::ServerErrorAfterCommit, (500, ""), true),
        (Fault::ErrorInSuccess, (503, ""), false),
        (Fault::OddError, (401, ""), false),
        (Fault::NulError, (422, "Validation failed: before\0after\u{1b}[2J\u{feff}"), false),
        (Fault::Delay, (200, ""), true),
    ];
    for (fault, expected, visible) in cases {
        let before = sim.ledger().len();
        sim.plan(Rule::once(NAME, CREATE, fault).seconds(0.01));
        let reply = bob.publish(&json!({"status": "x"})).await;
        assert_eq!(reply.refused(), expected, "{fault:?}");
        assert_eq!(sim.ledger().len() - before, usize::from(visible), "{fault:?}");
        let is_page =
            [Fault::ServerError, Fault::ServerErrorAfterCommit, Fault::ErrorInSuccess].contains(&fault);
        let kind = reply.header("content-type");
        assert_eq!(kind.starts_with("text/html"), is_page, "{fault:?}: {kind}");
        assert_eq!(reply.header("x-ratelimit-limit").is_empty(), is_page, "{fault:?}");
        if fault == Fault::ErrorInSuccess {
            assert_eq!(reply.headers.get_all("retry-after").iter().count(), 2, "seconds and a date");
        }
    }
    sim.plan(Rule::once(NAME, "*", Fault::Garbage));
    let garbled = bob.publish(&json!({"status": "x"})).await;
    assert_eq!((garbled.status, garbled.body), (200, Value::Null), "a success that can't be read");
    assert_eq!((sim.ledger().len(), sim.faults_left()), (3, 0));
}

#[tokio::test]
async fn answers_state_the_limit() {
    let sim = Sim::start();
    let bob = Api::on(&sim, "bob");
    let reset = |reply: &super::Reply| {
        let reset = reply.header("x-ratelimit-reset");
        humantime::parse_rfc3339(reset).unwrap_or_else(|error| panic!("{reset:?}: {error}"))
    };
    for (remaining, reply) in
        [("299", bob.publish(&json!({"status": "x"})).await), ("298", bob.publish(&json!({})).await)]
    {
        assert_eq!(
            (reply.header("x-ratelimit-limit"), reply.header("x-ratelimit-remaining")),
            ("300", remaining)
        );
        let left = reset(&reply).duration_since(std::time::SystemTime::now()).expect("later");
        assert!(left.as_secs() <= 3 * 3_600, "{left:?}");
    }
    assert_eq!(bob.upload(b"", "").await.header("x-ratelimit-limit"), "30");
    assert_eq!(bob.get("api/v2/instance").await.header("x-ratelimit-remaining"), "299");

    sim.plan(Rule::once(NAME, CREATE, Fault::RateLimited).seconds(90.0));
    let limited = bob.publish(&json!({"status": "x"})).await;
    assert_eq!(limited.header("x-ratelimit-remaining"), "0");
    let left = reset(&limited).duration_since(std::time::SystemTime::now()).expect("later");
    assert!((60..=90).contains(&left.as_secs()), "{left:?}");
    assert_eq!(limited.header("retry-after"), "", "the real server sends none");
}

#[tokio::test]
async fn answers_can_be_lost_and_held() {
    let sim = Sim::start();
    let bob = Api::on(&sim, "bob");
    let publish = || bob.request("POST", "api/v1/statuses").json(&json!({"status": "x"}));
    for (fault, visible) in [(Fault::DropBeforeCommit, 0), (Fault::DropAfterCommit, 1)] {
        sim.plan(Rule::once(NAME, CREATE, fault));
        let lost = publish().send().await;
        assert!(lost.as_ref().is_err_and(|error| error.is_request()), "{fault:?}: {lost:?}");
        assert_eq!(sim.ledger().len(), visible, "{fault:?}");
    }
    sim.plan(Rule::once(NAME, CREATE, Fault::HoldAfterCommit));
    let release = async {
        wait_until("the number of held answers", 1, async || sim.held()).await;
        assert_eq!(sim.ledger().len(), 2, "held after the commit");
        sim.release();
    };
    let (held, ()) = tokio::join!(publish().send(), release);
    assert_eq!(held.expect("an answer after the release").status(), 200);
    assert_eq!(sim.calls(CREATE), 3);
}

#[tokio::test]
async fn nonsense_is_refused_and_leaves_the_server_as_it_was() {
    let sim = Sim::start();
    let bob = Api::on(&sim, "bob");
    let kinds = [
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "text/plain",
        "",
    ];
    let deep = "[".repeat(10_000);
    let bodies: [&[u8]; 10] = [
        b"",
        b"{",
        b"[1]",
        b"null",
        b"{\"status\": {\"a\": 1}, \"media_ids\": \"1\", \"poll\": [], \"in_reply_to_id\": -1, \"sensitive\": []}",
        b"status[a]=1&media_ids=1&poll=x&[]=1&=&a[=1&%=%&\xff=\xff",
        b"--x\r\n\r\n\r\n--x--",
        b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\"\r\n\r\n\0\r\n--x--",
        b"\0\xff\xfe",
        deep.as_bytes(),
    ];
    let paths = [
        ("POST", "api/v1/statuses"),
        ("POST", "api/v2/media"),
        ("POST", "api/v1/apps"),
        ("POST", "oauth/token"),
        ("POST", "oauth/revoke"),
        ("PUT", "api/v1/media/18446744073709551616"),
        ("DELETE", "api/v1/statuses/x"),
        ("POST", "api/v1/statuses//reblog"),
        ("POST", "api/v1/accounts/-1/follow"),
        ("PATCH", "api/v1/statuses"),
        ("POST", "api/v1/nothing"),
        ("POST", ""),
    ];
    for (method, path) in paths {
        for kind in kinds {
            for body in bodies {
                let request = bob.request(method, path).header(CONTENT_TYPE, kind).body(body.to_vec());
                let odd = HeaderValue::from_bytes(b"\xff").expect("a header");
                let reply = send(path, request.header("Idempotency-Key", odd)).await;
                assert!((400..=422).contains(&reply.status), "{method} {path} {kind} {body:?}: {reply:?}");
            }
        }
    }
    let bad = bob.request("POST", "api/v1/statuses").header(CONTENT_TYPE, kinds[0]).body("{");
    assert_eq!(send("statuses", bad).await.refused(), (400, "Bad Request"));
    for query in ["limit=x&max_id=-1", "limit=99999999999999999999999", "%", "limit[]=1&limit[a]=2"] {
        let list = bob.get(&format!("api/v1/accounts/{}/statuses?{query}", bob.id)).await;
        assert_eq!(list.ok(), json!([]), "{query}");
    }
    assert_eq!(sim.ledger().len(), 0);
    bob.publish(&json!({"status": "and still it works"})).await.ok();
}
