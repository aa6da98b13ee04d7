//! Reads how a post does.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use tracing::{info, warn};

use super::session::AccountSession;
use super::{Environment, Job, Verdict, Work};
use crate::db::{Outcome, Reading, patiently};
use crate::error::Error;
use crate::providers::{Failure, Metrics};
use crate::spans;

/// How long the database may be away before the try is given up; the lease decides then.
const PATIENCE: Duration = Duration::from_secs(60);

/// The job.
pub(super) struct ReadMetrics;

#[async_trait]
impl Job for ReadMetrics {
    fn kind(&self) -> &'static str {
        "read_metrics"
    }

    fn has_target(&self) -> bool {
        false
    }

    fn has_platform(&self) -> bool {
        true
    }

    async fn run(&self, environment: &Environment, work: &Work) -> Verdict {
        tokio::select! {
            read = read_and_report(environment, work) => read.unwrap_or_else(|error| {
                warn!(%error, "metrics could not be read or reported; the lease will run out");
                Verdict::Dropped
            }),
            // It changes nothing outside: the next worker reads again.
            () = work.lost.cancelled() => Verdict::Dropped,
        }
    }
}

async fn read_and_report(environment: &Environment, work: &Work) -> Result<Verdict, Error> {
    let (job_id, token) = (work.claim.job_id, work.claim.token);
    let started = patiently(PATIENCE, || environment.db.start_reading(job_id, token)).await?;
    let Some(reading) = started else { return Ok(Verdict::Dropped) };
    spans::acts_on(&reading.actor.platform);
    let mut outcome = match read(environment, &reading).await {
        Ok(metrics) => {
            info!("metrics read");
            read_outcome(&metrics)
        }
        Err(failure) => {
            warn!(
                class = %failure.class, status = failure.status, code = failure.code,
                reason = failure.message, "metrics not read"
            );
            Outcome::of(&failure)
        }
    };
    reading.actor.account.charges.state_in(&mut outcome.details);
    spans::came_out(outcome.outcome);
    let report = || environment.db.report_metrics(job_id, token, &outcome);
    Ok(if patiently(PATIENCE, report).await?.is_some() { Verdict::Reported } else { Verdict::Dropped })
}

async fn read(environment: &Environment, reading: &Reading) -> Result<Metrics, Failure> {
    let (provider, session) = AccountSession::open(environment, &reading.actor).await?;
    let provider = &provider;
    session.as_caller(|caller| async move { provider.metrics(&caller, &reading.post).await }).await
}

fn read_outcome(metrics: &Metrics) -> Outcome {
    let Metrics { views, likes, replies, shares } = metrics;
    let details = json!({ "views": views, "likes": likes, "replies": replies, "shares": shares });
    Outcome { outcome: "done", details, retry_at: None }
}
