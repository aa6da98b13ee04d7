//! What this process does, in numbers. What the database knows is read when somebody asks: `http::metrics`.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::client::{Answer, CallError};
use crate::http::RequestCounts;
use crate::traces;

/// Bounds of how long something took, in seconds: from a call next door to a video that is processed.
const SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 600.0];

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// The numbers. Copies count together.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    registry: Arc<Registry>,
    claimed: Family<OfKind, Counter>,
    claims_failed: Counter,
    ended: Family<Ended, Counter>,
    seconds: Histograms<OfKind>,
    running: Gauge,
    calls: Histograms<Call>,
    answered: Histograms<Answered>,
    requests: RequestCounts,
    traces: traces::Counts,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    kind: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    kind: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    platform: &'static str,
    answer: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: String,
    method: &'static str,
    status: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(SECONDS);
        let (claimed, ended) = (Family::default(), Family::default());
        let (seconds, calls) =
            (Histograms::new_with_constructor(histogram), Histograms::new_with_constructor(histogram));
        let answered = Histograms::new_with_constructor(histogram);
        let (running, claims_failed) = (Gauge::default(), Counter::default());
        let mut registry = Registry::with_prefix("crierd");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program", build);
        registry.register("jobs_claimed", "Jobs that were taken", claimed.clone());
        registry.register(
            "claims_failed",
            "Calls for jobs that the database did not answer",
            claims_failed.clone(),
        );
        registry.register("jobs_ended", "Jobs that came to an end here, by what came of them", ended.clone());
        registry.register("job_duration_seconds", "From taking a job to its report", seconds.clone());
        registry.register("jobs_running", "Jobs under way", running.clone());
        registry.register(
            "platform_call_duration_seconds",
            "Calls of platforms, by the status of their answers",
            calls.clone(),
        );
        registry.register(
            "http_request_duration_seconds",
            "Requests of the API and the dashboard, by the status of their answers",
            answered.clone(),
        );
        let requests = RequestCounts::default();
        registry.register(
            "api_metrics_recorded",
            "Requests of the API and the dashboard that the database knows of",
            requests.recorded.clone(),
        );
        registry.register("api_metrics_dropped", "Those that it does not know of", requests.dropped.clone());
        let traces = traces::Counts::default();
        registry.register(
            "trace_spans_sent",
            "Spans of traces that the collector has taken",
            traces.sent.clone(),
        );
        registry.register("trace_spans_dropped", "Spans of traces that nobody has", traces.dropped.clone());
        Self {
            registry: Arc::new(registry),
            claimed,
            claims_failed,
            ended,
            seconds,
            running,
            calls,
            answered,
            requests,
            traces,
        }
    }
}

impl Metrics {
    /// The numbers as they are printed.
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What becomes of spans.
    pub(crate) fn traces(&self) -> &traces::Counts {
        &self.traces
    }

    /// What becomes of requests that the database is told.
    pub(crate) fn requests(&self) -> &RequestCounts {
        &self.requests
    }

    /// A request was answered.
    pub(crate) fn answered(&self, route: &str, method: &'static str, status: u16, took: Duration) {
        let of = Answered { route: route.to_owned(), method, status: class_of(status) };
        self.answered.get_or_create(&of).observe(took.as_secs_f64());
    }

    /// A job was taken.
    pub(crate) fn claimed(&self, kind: &str) {
        self.claimed.get_or_create(&OfKind { kind: kind.to_owned() }).inc();
        self.running.inc();
    }

    /// The database did not answer a call for jobs.
    pub(crate) fn claim_failed(&self) {
        self.claims_failed.inc();
    }

    /// A job is no longer under way, whatever became of it.
    pub(crate) fn left(&self) {
        self.running.dec();
    }

    /// A job came to an end.
    pub(crate) fn ended(&self, kind: &str, outcome: &'static str, took: Duration) {
        self.ended.get_or_create(&Ended { kind: kind.to_owned(), outcome }).inc();
        self.seconds.get_or_create(&OfKind { kind: kind.to_owned() }).observe(took.as_secs_f64());
    }
}

/// Counts the calls of a platform. Whose they are is known once its provider is made.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    metrics: Metrics,
    platform: Arc<OnceLock<&'static str>>,
}

impl Meter {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self { metrics, platform: Arc::default() }
    }

    /// The same for another platform.
    #[must_use]
    pub(crate) fn of_another(&self) -> Self {
        Self::new(self.metrics.clone())
    }

    /// Says whose calls they are.
    pub(crate) fn is_of(&self, platform: &'static str) {
        // it is said once
        let _ = self.platform.set(platform);
    }

    /// Whose they are, if that is known.
    pub(crate) fn platform(&self) -> Option<&'static str> {
        self.platform.get().copied()
    }

    /// Counts a call.
    pub(crate) fn called(&self, answer: &Result<Answer, CallError>, took: Duration) {
        let Some(platform) = self.platform() else { return };
        let answer = match answer {
            Ok(answer) => class_of(answer.status),
            Err(CallError::NotSent(_)) => "not_sent",
            Err(CallError::Unclear(_)) => "none",
        };
        self.metrics.calls.get_or_create(&Call { platform, answer }).observe(took.as_secs_f64());
    }
}

fn class_of(status: u16) -> &'static str {
    match status {
        429 => "429",
        100..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    fn printed(metrics: &Metrics) -> String {
        let mut text = String::new();
        encode(&mut text, metrics.registry()).unwrap();
        text
    }

    #[test]
    fn what_is_counted_is_printed() {
        let metrics = Metrics::default();
        metrics.claimed("publish_post");
        metrics.claim_failed();
        metrics.ended("publish_post", "published", Duration::from_millis(300));
        let meter = Meter::new(metrics.clone());
        meter.called(&Err(CallError::NotSent("refused".into())), Duration::ZERO);
        meter.is_of("x");
        meter.of_another().is_of("mastodon");
        meter.called(&Err(CallError::Unclear("reset".into())), Duration::from_secs(2));
        metrics.answered("/v1/posts/{post_id}", "GET", 404, Duration::from_millis(30));
        let text = printed(&metrics);
        for line in [
            "crierd_jobs_claimed_total{kind=\"publish_post\"} 1",
            "crierd_claims_failed_total 1",
            "crierd_jobs_ended_total{kind=\"publish_post\",outcome=\"published\"} 1",
            "crierd_job_duration_seconds_bucket{le=\"0.25\",kind=\"publish_post\"} 0",
            "crierd_job_duration_seconds_bucket{le=\"0.5\",kind=\"publish_post\"} 1",
            "crierd_jobs_running 1",
            "crierd_platform_call_duration_seconds_count{platform=\"x\",answer=\"none\"} 1",
            "crierd_http_request_duration_seconds_count{route=\"/v1/posts/{post_id}\",method=\"GET\",status=\"4xx\"} 1",
            "crierd_api_metrics_dropped_total 0",
        ] {
            assert!(text.contains(line), "expected {line} in:\n{text}");
        }
        // a call of nobody in particular is not counted
        assert!(!text.contains("not_sent") && !text.contains("mastodon"), "{text}");
        metrics.left();
        assert!(printed(&metrics).contains("crierd_jobs_running 0"));
    }

    #[test]
    fn statuses_have_classes() {
        let classes = [200, 204, 302, 404, 429, 500, 599].map(class_of);
        assert_eq!(classes, ["2xx", "2xx", "3xx", "4xx", "429", "5xx", "5xx"]);
    }
}
