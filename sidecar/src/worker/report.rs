//! Gathers the outcomes of many jobs for a few milliseconds and reports them in one call.
//!
//! An outcome is not given up while the database is away: nobody else can take the job then, and what was
//! published is worth being known. Once the database answers, the token decides.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{error, info, warn};

use crate::backoff::Backoff;
use crate::db::{Db, Report, Reported, patiently};
use crate::error::Error;

/// How long the first outcome of a batch waits for others.
const GATHER: Duration = Duration::from_millis(5);
/// How long an outcome is reported again whose job somebody holds.
const HELD_PATIENCE: Duration = Duration::from_secs(120);
/// The most outcomes of a batch.
const MAX_BATCH: usize = 64;

/// Takes outcomes. The database, except in tests.
#[async_trait]
pub(super) trait Sink: Clone + Send + Sync + 'static {
    async fn report(&self, reports: &[Report]) -> Result<Vec<Reported>, Error>;
}

#[async_trait]
impl Sink for Db {
    async fn report(&self, reports: &[Report]) -> Result<Vec<Reported>, Error> {
        self.report_targets(reports).await
    }
}

struct Item {
    report: Report,
    done: oneshot::Sender<()>,
}

/// A handle to the task that reports.
#[derive(Clone)]
pub(super) struct Reporter {
    items: mpsc::Sender<Item>,
}

impl Reporter {
    /// Starts the task, which ends with the last handle, and not before unless it panics.
    pub(super) fn start(sink: impl Sink) -> (Self, JoinHandle<()>) {
        let (items, receiver) = mpsc::channel(MAX_BATCH);
        let task = tokio::spawn(run(sink, receiver));
        (Self { items }, task)
    }

    /// Reports an outcome and waits until the database has answered.
    pub(super) async fn report(&self, report: Report) {
        let (done, answered) = oneshot::channel();
        // Both fail only when the process ends; the lease then tells the next worker.
        if self.items.send(Item { report, done }).await.is_ok() {
            let _ = answered.await;
        }
    }
}

async fn run(sink: impl Sink, mut items: mpsc::Receiver<Item>) {
    while let Some(first) = items.recv().await {
        let until = Instant::now() + GATHER;
        let mut batch = vec![first];
        while batch.len() < MAX_BATCH {
            match timeout_at(until, items.recv()).await {
                Ok(Some(item)) => batch.push(item),
                Ok(None) | Err(_) => break,
            }
        }
        let (reports, dones): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|item| (item.report, item.done)).unzip();
        deliver(&sink, reports).await;
        for done in dones {
            let _ = done.send(());
        }
    }
}

/// Reports a batch; where the database refuses it, one by one, so that one bad outcome spoils no other.
async fn deliver(sink: &impl Sink, reports: Vec<Report>) {
    let Err(error) = insist(sink, &reports).await else { return };
    if let [report] = &reports[..] {
        return refused(sink, report.clone(), error).await;
    }
    warn!(%error, reports = reports.len(), "a batch of outcomes was refused");
    for report in reports {
        if let Err(error) = insist(sink, std::slice::from_ref(&report)).await {
            refused(sink, report, error).await;
        }
    }
}

/// What refuses an outcome can hardly be but something in its details: it is reported once more without them,
/// because a post that is out and not known as such is worse than one whose details are lost.
async fn refused(sink: &impl Sink, report: Report, error: Error) {
    if let Error::Busy(_) = error {
        return persist(sink, vec![report]);
    }
    let outcome = report.outcome;
    report.span.in_scope(|| warn!(outcome, %error, "an outcome was refused, leaving out its details"));
    let bare = bare(&report);
    match insist(sink, std::slice::from_ref(&bare)).await {
        Ok(()) => {}
        Err(Error::Busy(_)) => persist(sink, vec![bare]),
        Err(error) => {
            report.span.in_scope(|| error!(outcome, %error, "an outcome is given up: it was refused twice"));
        }
    }
}

/// The same outcome with nothing in it but what it can't do without.
fn bare(report: &Report) -> Report {
    let details = if report.outcome == "published" {
        json!({ "external_id": report.details["external_id"], "url": report.details["url"] })
    } else {
        json!({ "message": "the database refused what was said about this failure; the log of crierd has it" })
    };
    Report { details, retry_at: None, ..report.clone() }
}

/// Goes on reporting an outcome whose job somebody holds, for instance by a cancel that is not committed yet,
/// without having the others wait for it. If it comes too late, the next worker finds out by itself.
fn persist(sink: &impl Sink, reports: Vec<Report>) {
    let sink = sink.clone();
    tokio::spawn(async move {
        match patiently(HELD_PATIENCE, || sink.report(&reports)).await {
            Ok(accepted) => tell(&reports, &accepted),
            Err(error) => warn!(reports = reports.len(), %error, "an outcome could not be reported"),
        }
    });
}

/// Repeats until the database answers.
async fn insist(sink: &impl Sink, reports: &[Report]) -> Result<(), Error> {
    let mut backoff = Backoff::database();
    loop {
        match sink.report(reports).await {
            Ok(accepted) => {
                tell(reports, &accepted);
                return Ok(());
            }
            Err(error) if error.is_unavailable() => {
                warn!(%error, reports = reports.len(), "outcomes wait for the database");
                sleep(backoff.next()).await;
            }
            Err(error) => return Err(error),
        }
    }
}

fn tell(reports: &[Report], accepted: &[Reported]) {
    for Report { job_id, outcome, span, .. } in reports {
        span.in_scope(|| match accepted.iter().find(|reported| reported.job_id == *job_id) {
            Some(now) => {
                info!(outcome, target_state = now.target_state, job_status = now.job_status, "reported")
            }
            None => warn!(outcome, "the outcome came too late: the lease had passed on"),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use uuid::Uuid;

    /// Remembers the batches, and answers each call with the next of these failures first.
    #[derive(Clone, Default)]
    struct Fake {
        batches: Arc<Mutex<Vec<Vec<Uuid>>>>,
        away: Arc<Mutex<usize>>,
        refuses: Option<Uuid>,
        refuses_details: bool,
        details: Arc<Mutex<Vec<serde_json::Value>>>,
        held: Arc<Mutex<Option<(Uuid, usize)>>>,
    }

    #[async_trait]
    impl Sink for Fake {
        async fn report(&self, reports: &[Report]) -> Result<Vec<Reported>, Error> {
            let mut away = self.away.lock().unwrap();
            if *away > 0 {
                *away -= 1;
                return Err(Error::Unavailable("away".into()));
            }
            let ids: Vec<_> = reports.iter().map(|report| report.job_id).collect();
            let spoiled = reports.iter().any(|report| report.details.get("bad").is_some());
            if self.refuses.is_some_and(|id| ids.contains(&id)) || (self.refuses_details && spoiled) {
                return Err(Error::Sql { state: "22023".into(), message: "bad".into(), hint: None });
            }
            let mut held = self.held.lock().unwrap();
            if let Some((id, times)) = held.as_mut()
                && ids.contains(id)
                && *times > 0
            {
                *times -= 1;
                return Err(Error::Busy("held".into()));
            }
            self.details.lock().unwrap().extend(reports.iter().map(|report| report.details.clone()));
            self.batches.lock().unwrap().push(ids);
            Ok(Vec::new())
        }
    }

    fn report(job: u128) -> Report {
        Report {
            job_id: Uuid::from_u128(job),
            token: 1,
            outcome: "published",
            details: json!({}),
            retry_at: None,
            span: tracing::Span::none(),
        }
    }

    async fn report_all(fake: &Fake, jobs: std::ops::Range<u128>) {
        let (reporter, _) = Reporter::start(fake.clone());
        futures_util::future::join_all(jobs.map(|job| reporter.report(report(job)))).await;
    }

    #[tokio::test(start_paused = true)]
    async fn outcomes_are_gathered_up_to_a_bound() {
        let fake = Fake::default();
        report_all(&fake, 0..150).await;
        let sizes: Vec<_> = fake.batches.lock().unwrap().iter().map(Vec::len).collect();
        assert_eq!(sizes.iter().sum::<usize>(), 150);
        assert!(sizes.len() <= 4 && sizes.iter().all(|size| *size <= MAX_BATCH), "{sizes:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_single_outcome_does_not_wait_for_others() {
        let begun = Instant::now();
        report_all(&Fake::default(), 0..1).await;
        assert!(begun.elapsed() <= GATHER * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn outcomes_outlast_an_outage() {
        let fake = Fake { away: Arc::new(Mutex::new(40)), ..Fake::default() };
        report_all(&fake, 0..3).await;
        assert_eq!(fake.batches.lock().unwrap().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_outcome_whose_job_is_held_keeps_no_other_waiting_and_is_not_lost() {
        let held = Uuid::from_u128(1);
        let fake = Fake { held: Arc::new(Mutex::new(Some((held, 5)))), ..Fake::default() };
        report_all(&fake, 0..3).await;
        let told = || fake.batches.lock().unwrap().concat();
        assert_eq!(told(), [Uuid::from_u128(0), Uuid::from_u128(2)]);
        while !told().contains(&held) {
            tokio::task::yield_now().await;
            tokio::time::advance(Duration::from_secs(1)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_bad_outcome_spoils_no_other() {
        let fake = Fake { refuses: Some(Uuid::from_u128(1)), ..Fake::default() };
        report_all(&fake, 0..3).await;
        let told: Vec<_> = fake.batches.lock().unwrap().concat();
        assert_eq!(told, [Uuid::from_u128(0), Uuid::from_u128(2)]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_outcome_with_bad_details_is_reported_without_them() {
        let fake = Fake { refuses_details: true, ..Fake::default() };
        let (reporter, _) = Reporter::start(fake.clone());
        let id_and_url = json!({ "external_id": "at://x", "url": "https://x.test" });
        let mut published = report(1);
        published.details = id_and_url.clone();
        published.details["bad"] = json!("\0");
        reporter.report(published).await;
        let failed =
            Report { outcome: "outcome_unknown", details: json!({ "message": "m", "bad": 1 }), ..report(2) };
        // Together with others, and alone.
        tokio::join!(reporter.report(failed), reporter.report(report(3)));
        let mut told = fake.batches.lock().unwrap().concat();
        told.sort_unstable();
        assert_eq!(told, [1, 2, 3].map(Uuid::from_u128));
        let details = fake.details.lock().unwrap();
        assert_eq!(details[0], id_and_url);
        assert!(
            details
                .iter()
                .any(|details| details["message"].as_str().is_some_and(|text| text.contains("refused")))
        );
    }
}
