//! Delivers one alert to one endpoint, at least once: an answer that is lost means another delivery, under the same id.

use std::time::Duration;

use async_trait::async_trait;
use tracing::{info, warn};

use super::{Environment, Job, Verdict, Work};
use crate::db::patiently;
use crate::error::Error;
use crate::spans;

/// How long the database may be away before the try is given up; the lease decides then.
const PATIENCE: Duration = Duration::from_secs(60);

/// The job.
pub(super) struct DeliverAlert;

#[async_trait]
impl Job for DeliverAlert {
    fn kind(&self) -> &'static str {
        "deliver_alert"
    }

    fn has_target(&self) -> bool {
        false
    }

    async fn run(&self, environment: &Environment, work: &Work) -> Verdict {
        match deliver(environment, work).await {
            Ok(verdict) => verdict,
            Err(error) => {
                warn!(%error, "an alert could not be started or reported; its lease will run out");
                Verdict::Dropped
            }
        }
    }
}

async fn deliver(environment: &Environment, work: &Work) -> Result<Verdict, Error> {
    let (job_id, token) = (work.claim.job_id, work.claim.token);
    let started = patiently(PATIENCE, || environment.db.start_alert(job_id, token)).await?;
    let Some(alert) = started else { return Ok(Verdict::Dropped) };
    // What was given back must not be sent as well; what is being sent is finished.
    if !work.phase.commit() {
        return Ok(Verdict::Dropped);
    }
    // No address in the log: it may be a secret.
    let endpoint_id = alert.endpoint.id;
    let report = match environment.webhooks.deliver(&alert.endpoint, job_id, &alert.body).await {
        Ok(status) => {
            info!(%endpoint_id, alert = alert.kind, status, "alert delivered");
            ("delivered", None)
        }
        Err(failure) => {
            warn!(
                %endpoint_id, alert = alert.kind, class = %failure.class, status = failure.status,
                reason = failure.message, "alert not delivered"
            );
            (failure.class.as_str(), Some(failure.details()))
        }
    };
    spans::came_out(report.0);
    let report = || environment.db.report_alert(job_id, token, report.0, report.1.as_ref());
    Ok(if patiently(PATIENCE, report).await?.is_some() { Verdict::Reported } else { Verdict::Dropped })
}
