//! What crierd tells of its work: the lines of its log, and traces at a collector.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use crier_tests::cluster::{Database, reserve_port};
use crier_tests::collector::{Collector, Span};
use crier_tests::sender;
use crier_tests::sim::Sim;
use crier_tests::sim::fault::Fault;
use crier_tests::stage::Stage;
use crier_tests::wait::{SOON, wait_for, wait_until};
use serde_json::{Value, json};
use uuid::Uuid;

const PUT: &str = "com.atproto.repo.putRecord";

async fn simulated() -> (Sim, Stage) {
    let sim = Sim::start();
    let stage = Stage::on_simulator(&sim, Database::shared().await).await;
    (sim, stage)
}

/// Waits for so many spans of a name in a trace, and gives all of the trace.
async fn of_trace(collector: &Collector, trace: Uuid, name: &str, number: usize) -> Vec<Span> {
    wait_for(&format!("{number} spans {name}"), SOON, async || {
        let spans: Vec<_> = collector.spans().into_iter().filter(|span| span.trace == trace).collect();
        if named(&spans, name).len() == number { Ok(spans) } else { Err(spans) }
    })
    .await
}

fn named<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

#[tokio::test]
async fn all_tries_of_a_post_are_one_trace() {
    let (sim, stage) = simulated().await;
    let collector = Collector::start();
    let crierd = stage.deployment.start_with(&[("CRIER_TRACES_ENDPOINT", &collector.url())]).await;
    sim.fault(PUT, Fault::RateLimited);
    let post = stage.post("traced").await;
    stage.published(post).await;
    let spans = of_trace(&collector, post, "job", 2).await;

    let [first, second] = &named(&spans, "job")[..] else { panic!("{spans:#?}") };
    assert_eq!((first.failed, first.attribute("error.type")), (true, json!("rate_limited")), "{first:#?}");
    assert_eq!(
        (second.failed, second.attribute("crier.outcome")),
        (false, json!("published")),
        "{second:#?}"
    );
    for job in [first, second] {
        assert_eq!(job.attribute("crier.post.id"), json!(post), "{job:#?}");
        assert_eq!(job.attribute("crier.account.id"), json!(stage.account), "{job:#?}");
        assert_eq!(job.attribute("crier.platform"), "bluesky", "{job:#?}");
        assert_eq!(job.attribute("messaging.destination.name"), "publish_post", "{job:#?}");
    }
    // each try: it waited, and what it did is within it
    assert_eq!(named(&spans, "queued").len(), 2, "{spans:#?}");
    assert!(named(&spans, "queued").iter().all(|queued| queued.times.0 <= queued.times.1), "{spans:#?}");
    assert!(
        named(&spans, "prepare").iter().all(|part| part.parent.as_ref() == Some(&first.id)),
        "{spans:#?}"
    );
    let [refused, taken] = &named(&spans, "commit")[..] else { panic!("{spans:#?}") };
    assert_eq!((&refused.parent, &taken.parent), (&Some(first.id.clone()), &Some(second.id.clone())));
    assert_eq!((refused.failed, taken.failed), (true, false), "{spans:#?}");
    assert_eq!(named(&spans, "intent").len(), 2, "{spans:#?}");
    // and the calls that publish, with what they were answered
    let answers = |commit: &Span| {
        let calls = named(&spans, "platform.call").into_iter();
        let calls = calls.filter(|call| call.parent.as_ref() == Some(&commit.id));
        calls.map(|call| call.attribute("http.response.status_code")).collect::<Vec<_>>()
    };
    assert_eq!((answers(refused), answers(taken)), (vec![json!("429")], vec![json!("200")]), "{spans:#?}");
    let call = named(&spans, "platform.call")[0];
    assert_eq!(call.attribute("server.address"), "127.0.0.1", "{call:#?}");

    // the last spans are sent before the end
    crierd.terminate();
    assert!(crierd.ended().await.success());
    let told = collector.text();
    for token in sim.issued_tokens() {
        assert!(!told.contains(&token), "a token is in a trace");
    }
    assert!(!told.contains("traced") && !told.contains(PUT), "what is sent is in a trace: {told}");
}

#[tokio::test]
async fn what_was_done_last_is_sent_before_the_end() {
    let (_sim, stage) = simulated().await;
    let collector = Collector::start();
    let crierd = stage.deployment.start_with(&[("CRIER_TRACES_ENDPOINT", &collector.url())]).await;
    let post = stage.post("the last one").await;
    stage.published(post).await;
    crierd.terminate();
    assert!(crierd.ended().await.success());
    let spans = collector.spans();
    assert!(spans.iter().any(|span| span.trace == post && span.name == "job"), "{spans:#?}");
}

#[tokio::test]
async fn nothing_is_sent_of_a_post_that_is_not_sampled() {
    let (_sim, stage) = simulated().await;
    let collector = Collector::start();
    let none = [("CRIER_TRACES_ENDPOINT", &*collector.url()), ("CRIER_TRACES_SAMPLE_RATIO", "0")];
    let crierd = stage.deployment.start_with(&none).await;
    let post = stage.post("not traced").await;
    stage.published(post).await;
    crierd.terminate();
    assert!(crierd.ended().await.success());
    assert_eq!(collector.requests(), 0, "{}", collector.text());
}

#[tokio::test]
async fn a_collector_that_is_down_costs_one_line() {
    let (_sim, stage) = simulated().await;
    let nowhere = format!("http://127.0.0.1:{}", reserve_port());
    let crierd = stage.deployment.start_with(&[("CRIER_TRACES_ENDPOINT", &nowhere)]).await;
    for n in 0..3 {
        let post = stage.post(&format!("post {n}")).await;
        stage.published(post).await;
    }
    let said = || crierd.log().matches("the collector of traces").count();
    wait_until("how often it is said", 1, async || said()).await;
    crierd.terminate();
    assert_eq!(said(), 1);
    assert!(crierd.ended().await.success());
    assert_eq!(stage.deployment.logs().matches("the collector of traces").count(), 1);
}

#[tokio::test]
async fn a_collector_that_hangs_holds_up_neither_posts_nor_the_end() {
    let (_sim, stage) = simulated().await;
    let collector = Collector::hanging();
    let crierd = stage.deployment.start_with(&[("CRIER_TRACES_ENDPOINT", &collector.url())]).await;
    for n in 0..3 {
        let post = stage.post(&format!("post {n}")).await;
        stage.published(post).await;
    }
    wait_until("whether spans were sent", true, async || collector.requests() > 0).await;
    let begun = std::time::Instant::now();
    crierd.terminate();
    assert!(crierd.ended().await.success());
    let took = begun.elapsed();
    assert!(
        took.as_secs() < 9,
        "expected an end before a request of the exporter gives up, it took {took:?}"
    );
}

#[tokio::test]
async fn every_line_about_a_job_has_its_ids() {
    let (sim, stage) = simulated().await;
    sim.fault(PUT, Fault::ServerError);
    let crierd = stage.deployment.start().await;
    let post = stage.post("logged").await;
    let target = stage.published(post).await;
    let job: Uuid = stage.sql.value("SELECT id FROM crier.jobs WHERE kind = 'publish_post'", &[]).await;
    crierd.terminate();
    assert!(crierd.ended().await.success());
    let read = stage.deployment.logs();
    let lines: Vec<Value> = read
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    let of_job = |line: &&Value| line["job_id"] == json!(job);
    for message in ["claimed", "publishing", "no clear answer, looking", "published", "reported"] {
        let line = lines.iter().find(|line| line["message"] == message && of_job(line));
        let line = line.unwrap_or_else(|| panic!("no {message:?} of the job in {read}"));
        assert_eq!((&line["kind"], &line["attempt"]), (&json!("publish_post"), &json!(1)), "{line}");
        assert_eq!(line["account_id"], json!(stage.account), "{line}");
        if message != "claimed" {
            assert_eq!(line["post_id"], json!(post), "{line}");
            assert_eq!((&line["target_id"], &line["platform"]), (&target["id"], &json!("bluesky")), "{line}");
        }
    }
}

#[tokio::test]
async fn what_is_logged_during_a_request_has_the_number_in_its_answer() {
    let (_sim, stage) = simulated().await;
    let secrets = stage.deployment.dir().join("tiktok.webhook");
    std::fs::write(&secrets, format!("{}\n", sender::line_of("tiktok", &"0c".repeat(32)))).expect("a file");
    std::fs::set_permissions(&secrets, Permissions::from_mode(0o600)).expect("permissions");
    let variable = [("CRIER_WEBHOOK_TIKTOK_SECRETS_FILE", secrets.to_str().expect("a text"))];
    let crierd = stage.deployment.start_with(&variable).await;
    let unsigned = crier_tests::http::client().post(format!("{}/webhooks/tiktok", crierd.url()));
    let answer =
        unsigned.header("content-type", "application/json").body("{}").send().await.expect("an answer");
    assert_eq!(answer.status(), 401);
    let number = answer.headers()["x-request-id"].to_str().expect("a text").to_owned();
    let health = crier_tests::http::get(format!("{}/healthz", crierd.url())).await.expect("an answer");
    assert_ne!(health.headers()["x-request-id"], number.as_str());
    let log = crierd.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_request =
        lines.filter(|line| line["request_id"] == json!(number)).map(|line| line["message"].clone());
    assert_eq!(of_request.collect::<Vec<_>>(), ["webhook refused"], "{log}");
}
