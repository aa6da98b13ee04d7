//! Faults: those of every platform, and the errors that only this one has.

use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::wait::wait_until;
use serde_json::{Value, json};

use super::{Graph, HANDLE, TOKEN, refused, text};

const PUBLISH: &str = "media.publish";

fn plan(sim: &Sim, fault: Fault) {
    sim.plan(Rule::once("instagram", PUBLISH, fault));
}

#[tokio::test]
async fn every_fault_does_what_its_name_says() {
    let sim = Sim::start();
    let graph = Graph::on(&sim);
    // (fault, what the client gets, whether the post became visible)
    let cases: [(Fault, (u16, i64, i64), bool); 7] = [
        (Fault::RateLimited, (400, 80002, 0), false),
        (Fault::Unauthorized, (401, 190, 0), false),
        (Fault::ExpiredToken, (400, 190, 463), false),
        (Fault::ServerError, (500, 2, 0), false),
        (Fault::ServerErrorAfterCommit, (500, 2, 0), true),
        (Fault::ErrorInSuccess, (500, 2, 0), false),
        (Fault::NulError, (400, 100, 0), false),
    ];
    for (fault, expected, visible) in cases {
        let before = sim.ledger().len();
        let container = graph.container("x").await;
        sim.plan(Rule::once("instagram", PUBLISH, fault).seconds(61.0));
        let reply = graph.publish(&container).await;
        assert_eq!(refused(&reply), expected, "{fault:?}");
        assert_eq!(sim.ledger().len() - before, usize::from(visible), "{fault:?}");
        let status = if visible { "PUBLISHED" } else { "FINISHED" };
        assert_eq!(graph.status(&container).await, status, "{fault:?}");
        let usage: Value = serde_json::from_str(reply.header("x-business-use-case-usage")).expect("JSON");
        let usage = &usage.as_object().and_then(|usage| usage.values().next()).expect("a business")[0];
        let (percent, minutes) = if fault == Fault::RateLimited { (100, 2) } else { (0, 0) };
        assert_eq!(
            (&usage["call_count"], &usage["estimated_time_to_regain_access"]),
            (&json!(percent), &json!(minutes)),
            "{fault:?}"
        );
    }
    plan(&sim, Fault::OddError);
    let odd = graph.publish(&graph.container("x").await).await;
    let error = &odd.body["error"];
    assert_eq!((odd.status, &error["code"], &error["error_subcode"]), (400, &json!(190), &json!(463)));
    assert!(error["message"].is_null(), "{error}");
    plan(&sim, Fault::Garbage);
    let container = graph.container("x").await;
    let garbled = graph.publish(&container).await;
    assert_eq!((garbled.status, garbled.body), (200, Value::Null), "a success that can't be read");
    assert_eq!(graph.status(&container).await, "PUBLISHED");
    sim.plan(Rule::once("instagram", PUBLISH, Fault::Delay).seconds(0.01));
    graph.published("x").await;
    assert_eq!(sim.faults_left(), 0);
    let ok = graph.get("me", &[]).await;
    assert_eq!(serde_json::from_str::<Value>(ok.header("x-app-usage")).expect("JSON")["call_count"], 0);
}

#[tokio::test]
async fn answers_can_be_lost_and_held() {
    let sim = Sim::start();
    let graph = Graph::on(&sim);
    let url = format!("{}/{}/media_publish", sim.url_of("instagram"), graph.id);
    let send = async |container: &str| {
        let query = [("creation_id", container), ("access_token", TOKEN)];
        graph.client.post(&url).query(&query).send().await
    };
    for (fault, visible) in [(Fault::DropBeforeCommit, 0), (Fault::DropAfterCommit, 1)] {
        let container = graph.container("x").await;
        plan(&sim, fault);
        let lost = send(&container).await;
        assert!(lost.as_ref().is_err_and(|error| error.is_request()), "{fault:?}: {lost:?}");
        assert_eq!(sim.ledger().len(), visible, "{fault:?}");
    }
    plan(&sim, Fault::HoldAfterCommit);
    let container = graph.container("x").await;
    let release = async {
        wait_until("the number of held answers", 1, async || sim.held()).await;
        assert_eq!(sim.ledger().len(), 2, "held after the commit");
        assert_eq!(graph.status(&container).await, "PUBLISHED");
        sim.release();
    };
    let (held, ()) = tokio::join!(send(&container), release);
    assert_eq!(held.expect("an answer after the release").status(), 200);
}

#[tokio::test]
async fn what_is_published_can_be_visible_later() {
    let sim = Sim::start();
    let graph = Graph::on(&sim);
    sim.plan(Rule::once("instagram", PUBLISH, Fault::VisibleLater).seconds(3_600.0));
    let container = graph.container("late").await;
    let medium = text(&graph.publish(&container).await.ok()["id"]);
    assert_eq!(graph.status(&container).await, "PUBLISHED", "the container knows it at once");
    assert_eq!(sim.ledger().len(), 1, "and so does the ledger");
    assert_eq!(refused(&graph.get(&medium, &[]).await), (400, 100, 33));
    assert_eq!(graph.captions().await, [""; 0]);
    graph.published("at once").await;
    assert_eq!(graph.captions().await, ["at once"]);
    sim.platform("instagram").show_all();
    assert_eq!(graph.captions().await, ["at once", "late"]);
    graph.get(&medium, &[("fields", "permalink")]).await.ok();
}

#[tokio::test]
async fn a_call_can_be_refused_with_any_error() {
    let sim = Sim::start();
    let graph = Graph::on(&sim);
    let container = graph.container("x").await;
    for (number, expected) in [
        (4, (403, 4, 0)),
        (10, (403, 10, 0)),
        (458, (400, 190, 458)),
        (2207001, (400, -1, 2207001)),
        (2207032, (400, -1, 2207032)),
        (2207042, (400, 9, 2207042)),
        (2207050, (400, 25, 2207050)),
        (2207051, (400, 4, 2207051)),
    ] {
        graph.set(json!({"errors": {PUBLISH: number}}));
        assert_eq!(refused(&graph.publish(&container).await), expected, "{number}");
    }
    assert_eq!(sim.ledger().len(), 0);
    // a spam block that came too late
    graph.set(json!({"errors": {}, "errors_after": {PUBLISH: 2207051}}));
    let blocked = graph.publish(&container).await;
    assert_eq!(refused(&blocked), (400, 4, 2207051));
    assert_eq!(
        blocked.body["error"]["message"], "Application request limit reached",
        "it sounds like a limit"
    );
    assert_eq!((sim.ledger().len(), graph.status(&container).await.as_str()), (1, "PUBLISHED"));
    graph.set(json!({"errors_after": {}, "errors": {"media.get": 33, "media.create": 2207032}}));
    let list = graph.get(&format!("{}/media", graph.id), &[]).await.ok();
    let medium = text(&list["data"][0]["id"]);
    assert_eq!(refused(&graph.get(&medium, &[("fields", "permalink")]).await), (400, 100, 33));
    assert_eq!(refused(&graph.create(&[]).await), (400, -1, 2207032));
    sim.platform("instagram").revoke(HANDLE);
    assert_eq!(refused(&graph.create(&[]).await), (400, 190, 460), "who may not call is told nothing else");
}
