//! Spans: what a line of the log belongs to, and what a trace is made of. Their names and fields stand here alone.
//!
//! A field is an id, a name, a number or a status. Never an address with its path, a header or a text of somebody else: there may
//! be a secret in it.

use reqwest::Request;
use tracing::field::{Empty, display};
use tracing::{Instrument, Level, Span, error_span, span};

use crate::client::CallError;
use crate::db::{Claim, Target};
use crate::providers::Failure;

/// The target of spans that are in traces alone. Not below `crierd`: a line of the log does not say that it was written during
/// a call.
pub(crate) const TRACES: &str = "traces";
/// The target of jobs, which are in both.
pub(crate) const JOBS: &str = "crierd::job";
/// The name of a job's span, from which a trace begins.
pub(crate) const JOB: &str = "job";
/// The name of the time before.
pub(crate) const QUEUED: &str = "queued";
/// The name of a call of a platform.
pub(crate) const CALL: &str = "platform.call";

/// One try of a job. At the level of errors, so that it is there whatever is logged.
pub(crate) fn job(claim: &Claim) -> Span {
    error_span!(
        target: JOBS, JOB, job_id = %claim.job_id, kind = claim.kind, attempt = claim.attempt,
        account_id = claim.account_id.map(display), platform = Empty, post_id = Empty, target_id = Empty, outcome = Empty
    )
}

/// The time before it. To be held until the job has said what it publishes: that decides whose trace it is in.
pub(crate) fn queued(job: &Span, claim: &Claim) -> Span {
    span!(target: TRACES, parent: job, Level::INFO, QUEUED, waited = claim.waited.max(0.0))
}

/// Says what the job that runs here publishes.
pub(crate) fn publishes(target: &Target) {
    let job = Span::current();
    job.record("post_id", display(target.post_id));
    job.record("target_id", display(target.target_id));
    acts_on(&target.platform);
}

/// Says where the job that runs here does something.
pub(crate) fn acts_on(platform: &str) {
    Span::current().record("platform", platform);
}

/// Says how the job that runs here came out.
pub(crate) fn came_out(outcome: &str) {
    Span::current().record("outcome", outcome);
}

/// An HTTP request that is answered.
pub(crate) fn request(id: &str) -> Span {
    error_span!(target: "crierd::request", "request", request_id = id)
}

/// A part of publishing.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    Prepare,
    Intent,
    Commit,
    Look,
}

impl Part {
    fn span(self) -> Span {
        macro_rules! part {
            ($name:literal) => {
                span!(target: TRACES, Level::INFO, $name, error.type = Empty)
            };
        }
        match self {
            Self::Prepare => part!("prepare"),
            Self::Intent => part!("intent"),
            Self::Commit => part!("commit"),
            Self::Look => part!("look"),
        }
    }

    /// Runs it, and says of what class its failure is.
    pub(crate) async fn run<T, E: Classed>(self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let span = self.span();
        let done = work.instrument(span.clone()).await;
        if let Some(class) = done.as_ref().err().and_then(Classed::class) {
            span.record("error.type", class);
        }
        done
    }
}

/// An error that has a class.
pub(crate) trait Classed {
    /// Nothing where it is none after all.
    fn class(&self) -> Option<&'static str>;
}

impl Classed for Failure {
    fn class(&self) -> Option<&'static str> {
        Some(self.class.as_str())
    }
}

impl Classed for CallError {
    fn class(&self) -> Option<&'static str> {
        Some(match self {
            Self::NotSent(_) => "not_sent",
            Self::Unclear(_) => "no_answer",
        })
    }
}

/// A call of a platform.
pub(crate) fn call(platform: &'static str) -> Span {
    span!(
        target: TRACES, Level::INFO, CALL, crier.platform = platform, http.request.method = Empty, server.address = Empty,
        server.port = Empty, http.response.status_code = Empty, error.type = Empty
    )
}

/// Says what is called: the host alone, because a path can hold a token.
pub(crate) fn calls(span: &Span, request: &Request) {
    if span.is_disabled() {
        return;
    }
    span.record("http.request.method", request.method().as_str());
    span.record("server.address", request.url().host_str());
    span.record("server.port", request.url().port_or_known_default());
}

/// Says what was answered.
pub(crate) fn answered(span: &Span, status: Result<u16, &CallError>) {
    match status {
        Ok(status) => {
            span.record("http.response.status_code", status);
            if status >= 400 {
                span.record("error.type", display(status));
            }
        }
        Err(error) => {
            span.record("error.type", error.class());
        }
    }
}
