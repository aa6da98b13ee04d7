//! Processes a webhook that was received: finds out what it means, and has the database do what follows from that. All of it is
//! one transaction under the job's token, so that it happens once.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use serde_json::json;
use tracing::{info, warn};

use super::{Environment, Job, Verdict, Work};
use crate::db::{StoredWebhook, WebhookReport, patiently};
use crate::error::Error;
use crate::hooks::{Findings, Scheme};
use crate::spans;

/// How long the database may be away before the try is given up; the lease decides then.
const PATIENCE: Duration = Duration::from_secs(60);

/// The job.
pub(super) struct ProcessWebhook;

#[async_trait]
impl Job for ProcessWebhook {
    fn kind(&self) -> &'static str {
        "process_webhook"
    }

    fn has_target(&self) -> bool {
        false
    }

    async fn run(&self, environment: &Environment, work: &Work) -> Verdict {
        tokio::select! {
            done = process(environment, work) => done.unwrap_or_else(|error| {
                warn!(%error, "a webhook could not be processed or reported; its lease will run out");
                Verdict::Dropped
            }),
            // It changes nothing but the database, and that by its last call alone: the next worker does it.
            () = work.lost.cancelled() => Verdict::Dropped,
        }
    }
}

async fn process(environment: &Environment, work: &Work) -> Result<Verdict, Error> {
    let (job_id, token) = (work.claim.job_id, work.claim.token);
    let started = patiently(PATIENCE, || environment.db.start_webhook(job_id, token)).await?;
    let Some(webhook) = started else { return Ok(Verdict::Dropped) };
    spans::acts_on(&webhook.platform);
    let report = report_of(&webhook);
    let told = patiently(PATIENCE, || environment.db.report_webhook(job_id, token, &report)).await;
    let state = match told {
        Err(error) if !error.is_passing() => {
            warn!(webhook_id = %webhook.id, %error, "webhook not processed");
            // nothing of it was done: the queue tries it again, and keeps it as a dead letter if that does not help
            let failed = failed(&error);
            spans::came_out(failed.outcome);
            patiently(PATIENCE, || environment.db.report_webhook(job_id, token, &failed)).await?
        }
        told => {
            info!(webhook_id = %webhook.id, kinds = ?report.kinds, "webhook processed");
            spans::came_out(report.outcome);
            told?
        }
    };
    Ok(if state.is_some() { Verdict::Reported } else { Verdict::Dropped })
}

fn report_of(webhook: &StoredWebhook) -> WebhookReport {
    let scheme = Scheme::find(&webhook.platform);
    // a platform that a later version knew: it is told as it is
    let findings = scheme.map_or_else(Findings::default, |scheme| (scheme.interpret)(&webhook.payload));
    let Findings { kinds, revoked, publish_ids } = findings.tidy();
    let at = |seconds: i64| Some(UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).ok()?));
    // A time that is none, or in the future, is that of the delivery.
    let revoked_at: Option<SystemTime> = revoked
        .map(|told| told.and_then(at).filter(|at| *at < webhook.received_at).unwrap_or(webhook.received_at));
    WebhookReport { outcome: "done", kinds, revoked_at, publish_ids, error: None }
}

fn failed(error: &Error) -> WebhookReport {
    let message: String = error.to_string().chars().take(1_000).collect();
    WebhookReport {
        outcome: "transient",
        kinds: Vec::new(),
        revoked_at: None,
        publish_ids: Vec::new(),
        error: Some(json!({ "message": message })),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use uuid::Uuid;

    use super::*;

    fn revoked_at(create_time: Value) -> Option<u64> {
        let received_at = UNIX_EPOCH + Duration::from_secs(1_000);
        let payload = json!({ "event": "authorization.removed", "create_time": create_time });
        let webhook =
            StoredWebhook { id: Uuid::from_u128(1), platform: "tiktok".into(), payload, received_at };
        let at = report_of(&webhook).revoked_at;
        at.map(|at| at.duration_since(UNIX_EPOCH).unwrap().as_secs())
    }

    #[test]
    fn a_grant_is_gone_since_when_the_platform_says_or_since_we_know() {
        assert_eq!(revoked_at(json!(900)), Some(900));
        for odd in [json!(null), json!(2_000), json!(-1), json!(i64::MAX), json!("900")] {
            assert_eq!(revoked_at(odd), Some(1_000));
        }
    }

    #[test]
    fn a_platform_nobody_knows_is_told_as_it_is() {
        let webhook = StoredWebhook {
            id: Uuid::from_u128(1),
            platform: "myspace".into(),
            payload: json!({ "a": 1 }),
            received_at: UNIX_EPOCH,
        };
        let report = report_of(&webhook);
        assert_eq!((report.outcome, report.revoked_at, report.kinds.len()), ("done", None, 0));
    }
}
