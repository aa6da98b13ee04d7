//! Faults on demand.

use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::wait::wait_until;
use serde_json::{Value, json};

use super::{Api, CREATE_SESSION, POST, PUT, REFRESH, record};

#[tokio::test]
async fn every_fault_does_what_its_name_says() {
    let sim = Sim::start();
    let api = Api::on(&sim).await;
    // (fault, what the client gets, whether the post became visible)
    let cases: [(Fault, (u16, &str), bool); 7] = [
        (Fault::RateLimited, (429, "RateLimitExceeded"), false),
        (Fault::Unauthorized, (401, "AuthenticationRequired"), false),
        (Fault::ExpiredToken, (400, "ExpiredToken"), false),
        (Fault::ServerError, (500, "InternalServerError"), false),
        (Fault::ServerErrorAfterCommit, (500, "InternalServerError"), true),
        (Fault::OddError, (400, "ExpiredToken"), false),
        (Fault::NulError, (400, "Invalid\0Request"), false),
    ];
    for (at, (fault, expected, visible)) in cases.into_iter().enumerate() {
        let before = sim.ledger().len();
        sim.fault(PUT, fault);
        let reply = api.put(&format!("3l4rpfq3xak3{}", char::from(b'a' + at as u8)), &record("x")).await;
        assert_eq!(reply.refused(), expected, "{fault:?}");
        assert_eq!(sim.ledger().len() - before, usize::from(visible), "{fault:?}");
        if fault == Fault::RateLimited {
            assert_eq!(reply.header("ratelimit-remaining"), "0");
            assert!(reply.header("ratelimit-reset").parse::<u64>().is_ok(), "{reply:?}");
            assert_eq!(reply.header("retry-after"), "", "the real server sends none");
        }
    }
    sim.plan(Rule::once("bluesky", "*", Fault::Garbage));
    let garbled = api.put("3l4rpfq3xak4a", &record("x")).await;
    assert_eq!((garbled.status, garbled.body), (200, Value::Null), "a success that can't be read");
    assert_eq!(sim.ledger().len(), 2);
    assert_eq!(sim.faults_left(), 0);
    let ok = api.put("3l4rpfq3xak4b", &record("x")).await;
    assert_eq!((ok.status, ok.header("ratelimit-policy")), (200, "3000;w=300"));
}

#[tokio::test]
async fn answers_can_be_lost_and_held() {
    let sim = Sim::start();
    let api = Api::on(&sim).await;
    let client = crier_tests::http::client();
    let url = format!("{}/xrpc/{PUT}", sim.bluesky_url());
    let send = async |rkey: &str| {
        let input = json!({"repo": api.did, "collection": POST, "rkey": rkey, "record": record(rkey)});
        client.post(&url).bearer_auth(&api.access).json(&input).send().await
    };
    for (fault, visible) in [(Fault::DropBeforeCommit, 0), (Fault::DropAfterCommit, 1)] {
        sim.fault(PUT, fault);
        let lost = send("3l4rpfq3xak2a").await;
        assert!(lost.as_ref().is_err_and(|error| error.is_request()), "{fault:?}: {lost:?}");
        assert_eq!(sim.ledger().len(), visible, "{fault:?}");
    }
    sim.fault(PUT, Fault::HoldAfterCommit);
    let release = async {
        wait_until("the number of held answers", 1, async || sim.held()).await;
        assert_eq!(sim.ledger().len(), 2, "held after the commit");
        sim.release();
    };
    let (held, ()) = tokio::join!(send("3l4rpfq3xak2b"), release);
    assert_eq!(held.expect("an answer after the release").status(), 200);
    assert_eq!(sim.calls(PUT), 3);
}

#[tokio::test]
async fn a_strict_server_ends_the_sessions_of_a_token_that_comes_twice() {
    for strict in [false, true] {
        let sim = Sim::start();
        let api = Api::on(&sim).await;
        if strict {
            sim.be_strict();
        }
        let input = json!({"identifier": api.handle, "password": api.password});
        let first = api.xrpc.post(CREATE_SESSION, &input, None).await.ok();
        sim.expire(&api.handle);
        let expired = api.put("3l4rpfq3xak2a", &record("x")).await;
        assert_eq!(expired.refused(), (400, "ExpiredToken"));
        let refresh =
            async |session: &Value| api.xrpc.post_nothing(REFRESH, session["refreshJwt"].as_str()).await;
        let second = refresh(&first).await.ok();
        let twice = refresh(&first).await;
        let after = refresh(&second).await;
        let expected = if strict { (400, "ExpiredToken") } else { (200, "") };
        assert_eq!((twice.refused(), after.refused()), (expected, expected), "strict: {strict}");
    }
}
