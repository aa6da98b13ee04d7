//! Runs one claim: the job, whatever it does, and then the report.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant, SystemTime};

use crier_core::error_class::ErrorClass;
use futures_util::FutureExt;
use serde_json::{Value, json};
use tracing::{Span, info, warn};

use super::Phase;
use super::batch::Came;
use super::report::Reporter;
use crate::db::{Claim, Report, patiently};
use crate::jobs::{Environment, Jobs, Verdict, Work};
use crate::providers::{Failure, Published};
use crate::spans;

/// How long the database may be away while a job is ended that needs no report.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is counted where a job has said itself what came of it.
const REPORTED: &str = "reported";

/// Runs a claim and answers for it; says what came of it. A panic of a job ends that job only.
pub(super) async fn run(environment: &Environment, jobs: &Jobs, reporter: &Reporter, work: Work) -> Came {
    let begun = Instant::now();
    let verdict = match jobs.get(&work.claim.kind) {
        Some(job) => {
            AssertUnwindSafe(job.run(environment, &work)).catch_unwind().await.unwrap_or_else(|_| {
                // Without a target nobody is told: the lease runs out, and the queue counts it.
                if job.has_target() { Verdict::Failed(panicked(&work.phase)) } else { Verdict::Dropped }
            })
        }
        // Only registered kinds are claimed.
        None => Verdict::Dropped,
    };
    // A report must come through even if the lease is lost meanwhile: the token decides, not we.
    // One that was stopped is being given back at the same time: the first of the two to arrive counts.
    let _ = work.phase.commit();
    let outcome = outcome(&verdict);
    let came = came(&verdict);
    match verdict {
        Verdict::Published(published) => {
            info!(url = published.url, "published");
            reporter.report(published_report(&work, &published)).await;
        }
        Verdict::Failed(failure) => {
            warn!(
                class = %failure.class, status = failure.status, code = failure.code, reason = failure.message,
                "not published"
            );
            reporter.report(failed_report(&work, &failure)).await;
        }
        Verdict::Done => complete(environment, &work.claim).await,
        Verdict::Reported => {}
        Verdict::Dropped => warn!("dropped: the job is no longer ours"),
    }
    if outcome != REPORTED {
        spans::came_out(outcome);
    }
    environment.metrics.ended(&work.claim.kind, outcome, begun.elapsed());
    came
}

fn came(verdict: &Verdict) -> Came {
    match verdict {
        Verdict::Published(_) | Verdict::Done => Came::Done,
        Verdict::Failed(_) => Came::Failed,
        Verdict::Reported | Verdict::Dropped => Came::Other,
    }
}

/// What came of a job, in a word for those who count.
fn outcome(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Published(_) => "published",
        Verdict::Failed(failure) => failure.class.as_str(),
        Verdict::Done => "done",
        Verdict::Reported => REPORTED,
        Verdict::Dropped => "dropped",
    }
}

/// What a panic means depends on whether something may have been sent.
fn panicked(phase: &Phase) -> Failure {
    let class = if phase.is_committing() { ErrorClass::OutcomeUnknown } else { ErrorClass::Transient };
    Failure::new(class, "the job panicked; the log of crierd has the place")
}

fn published_report(work: &Work, published: &Published) -> Report {
    let mut details = json!({ "external_id": published.external_id, "url": published.url });
    if let Some(cid) = &published.cid {
        details["cid"] = json!(cid);
    }
    report(work, "published", details, None)
}

fn failed_report(work: &Work, failure: &Failure) -> Report {
    report(work, failure.class.as_str(), failure.details(), failure.retry_at)
}

/// What came of a claim, with what it cost.
fn report(work: &Work, outcome: &'static str, mut details: Value, retry_at: Option<SystemTime>) -> Report {
    work.charges.state_in(&mut details);
    Report {
        job_id: work.claim.job_id,
        token: work.claim.token,
        outcome,
        details,
        retry_at,
        span: Span::current(),
    }
}

async fn complete(environment: &Environment, claim: &Claim) {
    let (ids, tokens) = ([claim.job_id], [claim.token]);
    let complete = || environment.db.complete_jobs(&ids, &tokens);
    if let Err(error) = patiently(PATIENCE, complete).await {
        warn!(%error, "a finished job could not be ended; its lease will run out");
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::super::inflight::tests::claim;
    use super::*;
    use crate::providers::Charges;

    fn work() -> Work {
        let (lost, phase) = (CancellationToken::new(), Phase::default());
        Work { claim: claim(1, 7, None), lost, phase, charges: Charges::default() }
    }

    #[test]
    fn a_panic_after_the_intent_leaves_the_outcome_open() {
        let phase = Phase::default();
        assert_eq!(panicked(&phase).class, ErrorClass::Transient);
        assert!(phase.commit());
        assert_eq!(panicked(&phase).class, ErrorClass::OutcomeUnknown);
    }

    #[test]
    fn reports_say_what_happened() {
        let published = Published {
            external_id: "at://did:plc:a/app.bsky.feed.post/k".into(),
            url: "https://bsky.app/profile/a.test/post/k".into(),
            cid: None,
        };
        let report = published_report(&work(), &published);
        assert_eq!((report.outcome, report.token), ("published", 7));
        assert_eq!(report.details["external_id"], published.external_id);
        assert!(report.details.get("cid").is_none());

        let failure = Failure { status: Some(429), ..Failure::new(ErrorClass::RateLimited, "slow down") };
        let report = failed_report(&work(), &failure);
        assert_eq!(report.outcome, "rate_limited");
        assert_eq!(report.details["status"], 429);
    }
}
