use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tracing::Span;
use tracing_subscriber::layer::SubscriberExt;
use url::Url;

use super::*;
use crate::client::CallError;
use crate::providers::Failure;
use crate::spans::{self, Part};
use crate::worker::claim;
use crier_core::error_class::ErrorClass;

const POST: Uuid = Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0042);

/// Records what is done meanwhile, and how much of it found no room.
fn recorded(ratio: f64, room: usize, run: impl FnOnce()) -> (Vec<Finished>, u64) {
    let (queue, mut spans) = mpsc::channel(room);
    let dropped = Counter::default();
    let recorder = Recorder::new(Sampler::new(ratio), queue, dropped.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(recorder.filtered()), run);
    (std::iter::from_fn(|| spans.try_recv().ok()).collect(), dropped.get())
}

/// A try: its commit is refused.
fn one_try() {
    let claim = claim(1, 7, Some(9));
    let job = spans::job(&claim);
    let _queued = spans::queued(&job, &claim);
    let _inside = job.enter();
    job.record("post_id", tracing::field::display(POST));
    spans::acts_on("x");
    let refused = async {
        let call = spans::call("x");
        let url = "https://api.x.example/bot-canary/send?access_token=canary".parse().unwrap();
        spans::calls(&call, &reqwest::Request::new(reqwest::Method::POST, url));
        spans::answered(&call, Ok(503));
        Err::<(), _>(Failure::new(ErrorClass::OutcomeUnknown, "canary"))
    };
    futures_util::FutureExt::now_or_never(Part::Commit.run(refused)).unwrap().unwrap_err();
    spans::came_out("outcome_unknown");
}

fn named<'a>(spans: &'a [Finished], name: &str) -> &'a Finished {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name} in {spans:#?}"))
}

fn value<'a>(span: &'a Finished, name: &str) -> Option<&'a Attribute> {
    span.attributes.iter().find_map(|(known, value)| (*known == name).then_some(value))
}

fn text(text: &str) -> Option<Attribute> {
    Some(Attribute::Text(text.to_owned()))
}

#[test]
fn a_try_is_in_the_trace_of_its_post() {
    let (spans, dropped) = recorded(1.0, 64, one_try);
    assert_eq!((spans.len(), dropped), (4, 0), "{spans:#?}");
    assert!(spans.iter().all(|span| span.trace == POST), "{spans:#?}");
    let (job, commit, call) =
        (named(&spans, spans::JOB), named(&spans, "commit"), named(&spans, spans::CALL));
    assert_eq!((job.parent, commit.parent, call.parent), (None, Some(job.id), Some(commit.id)));
    assert_eq!(value(job, "error.type").cloned(), text("outcome_unknown"));
    assert_eq!(value(job, "platform").cloned(), text("x"));
    assert_eq!(value(commit, "error.type").cloned(), text("outcome_unknown"));
    assert_eq!(value(call, "server.address").cloned(), text("api.x.example"));
    assert_eq!(value(call, "http.response.status_code"), Some(&Attribute::Integer(503)));
    assert!(job.begun <= commit.begun && commit.ended <= job.ended);
    assert!(!format!("{spans:?}").contains("canary"), "{spans:#?}");
}

#[test]
fn the_wait_stands_before_the_try_in_its_trace() {
    let (spans, _) = recorded(1.0, 64, one_try);
    let (queued, job) = (named(&spans, spans::QUEUED), named(&spans, spans::JOB));
    assert_eq!((queued.trace, queued.parent, queued.ended), (POST, None, job.begun));
    assert_eq!(job.begun.duration_since(queued.begun).unwrap(), Duration::from_millis(250));
}

#[test]
fn a_job_without_a_post_has_a_trace_by_its_own_id() {
    let (spans, _) = recorded(1.0, 64, || drop(spans::job(&claim(5, 1, None))));
    assert!(spans.len() == 1 && spans[0].trace == Uuid::from_u128(5), "{spans:#?}");
}

#[test]
fn what_belongs_to_no_job_is_in_no_trace() {
    let (spans, _) = recorded(1.0, 64, || {
        let _request = spans::request("1").entered();
        drop(spans::call("x"));
    });
    assert_eq!(spans, []);
}

#[test]
fn what_is_not_sampled_is_not_kept_and_what_finds_no_room_is_counted() {
    assert_eq!(recorded(0.0, 64, one_try), (Vec::new(), 0));
    let (spans, dropped) = recorded(1.0, 1, one_try);
    assert_eq!((spans.len(), dropped), (1, 3));
}

#[test]
fn a_call_without_an_answer_says_so() {
    let (spans, _) = recorded(1.0, 64, || {
        let _job = spans::job(&claim(1, 7, None)).entered();
        spans::answered(&spans::call("x"), Err(&CallError::NotSent("canary".into())));
    });
    assert_eq!(value(named(&spans, spans::CALL), "error.type").cloned(), text("not_sent"));
}

#[test]
fn the_wire_has_the_form_of_otlp() {
    let begun = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_234_567_890_123_456_789);
    let span = Finished {
        trace: POST,
        id: [1, 2, 3, 4, 5, 6, 7, 0xff],
        parent: Some([9; 8]),
        name: spans::CALL,
        begun,
        ended: begun + Duration::from_nanos(1),
        attributes: vec![
            ("http.response.status_code", Attribute::Integer(503)),
            ("error.type", Attribute::Text("503".into())),
        ],
    };
    let request = otlp::request(&otlp::resource("posts", "host:1"), &[span]);
    let resource = &request["resourceSpans"][0]["resource"]["attributes"][0];
    assert_eq!(*resource, json!({ "key": "service.name", "value": { "stringValue": "posts" } }));
    let expected = json!({
        "traceId": "01990000000070008000000000000042", "spanId": "01020304050607ff", "parentSpanId": "0909090909090909",
        "name": "platform.call", "kind": 3, "startTimeUnixNano": "1234567890123456789", "endTimeUnixNano": "1234567890123456790",
        "attributes": [
            { "key": "http.response.status_code", "value": { "intValue": "503" } },
            { "key": "error.type", "value": { "stringValue": "503" } }
        ],
        "status": { "code": 2 }
    });
    assert_eq!(request["resourceSpans"][0]["scopeSpans"][0]["spans"], json!([expected]));
}

/// A collector that answers with these, one after the other, and then takes everything.
#[derive(Clone, Default)]
struct Collector {
    answers: Arc<Mutex<Vec<u16>>>,
    bodies: Arc<Mutex<Vec<Value>>>,
}

async fn take(State(collector): State<Collector>, body: String) -> StatusCode {
    let answer = collector.answers.lock().unwrap().pop().unwrap_or(200);
    if answer == 200 {
        collector.bodies.lock().unwrap().push(serde_json::from_str(&body).unwrap());
    }
    StatusCode::from_u16(answer).unwrap()
}

async fn serve(collector: &Collector) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/base/", listener.local_addr().unwrap());
    let router = Router::new().route("/base/v1/traces", axum::routing::post(take));
    let router = router.with_state(collector.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url.parse().unwrap()
}

/// Sends the spans of so many tries, and lets it end.
async fn sent(endpoint: Url, tries: usize) -> (u64, u64) {
    let settings = config::Traces { endpoint, sample_ratio: 1.0, service_name: "crierd".into() };
    let counts = Counts::default();
    let (recorder, exporter) = new(&settings, "test", &counts).unwrap();
    let exporting = exporter.start();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(recorder.filtered()), || {
        (0..tries).for_each(|_| one_try());
    });
    exporting.finish(Duration::from_secs(60)).await;
    (counts.sent.get(), counts.dropped.get())
}

#[tokio::test]
async fn what_waits_at_the_end_is_sent() {
    let collector = Collector::default();
    assert_eq!(sent(serve(&collector).await, 300).await, (1_200, 0));
    let bodies = collector.bodies.lock().unwrap();
    let spans: usize = bodies
        .iter()
        .map(|body| body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().len())
        .sum();
    assert_eq!(spans, 1_200);
    assert!(bodies.len() >= 3, "expected no request with more than 512, there are {}", bodies.len());
}

#[tokio::test]
async fn what_is_refused_for_good_is_not_sent_again() {
    let collector = Collector { answers: Arc::new(Mutex::new(vec![400])), ..Collector::default() };
    assert_eq!(sent(serve(&collector).await, 1).await, (0, 4));
    assert_eq!(collector.bodies.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn what_is_refused_for_now_is_sent_again() {
    let collector = Collector { answers: Arc::new(Mutex::new(vec![503])), ..Collector::default() };
    let settings = config::Traces {
        endpoint: serve(&collector).await,
        sample_ratio: 1.0,
        service_name: "crierd".into(),
    };
    let counts = Counts::default();
    let (recorder, exporter) = new(&settings, "test", &counts).unwrap();
    let exporting = exporter.start();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(recorder.filtered()), one_try);
    let until = tokio::time::Instant::now() + Duration::from_secs(30);
    while counts.sent.get() < 4 && tokio::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!((counts.sent.get(), counts.dropped.get()), (4, 0));
    exporting.finish(Duration::ZERO).await;
}

#[tokio::test]
async fn a_collector_that_is_down_or_hangs_does_not_hold_up_the_end() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(sent(format!("http://{free}").parse().unwrap(), 1).await, (0, 4));
    // accepts, and never answers
    let hangs = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let begun = std::time::Instant::now();
    sent(format!("http://{}", hangs.local_addr().unwrap()).parse().unwrap(), 1).await;
    assert!(begun.elapsed() < export::LAST_WORDS * 2, "it took {:?}", begun.elapsed());
}

#[test]
fn a_span_may_be_named_after_the_fact_once() {
    let (spans, _) = recorded(1.0, 64, || {
        let _job = spans::job(&claim(1, 7, None)).entered();
        for post in [POST, Uuid::from_u128(3)] {
            Span::current().record("post_id", tracing::field::display(post));
        }
    });
    assert_eq!(named(&spans, spans::JOB).trace, POST);
}
