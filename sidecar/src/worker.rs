//! The loop: claims jobs in batches, runs them within bounds, answers in batches.

mod batch;
mod control;
mod drain;
mod heartbeat;
mod inflight;
mod lane;
mod report;
mod task;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tracing::{Instrument, debug, error, info, warn};

use crate::backoff::Backoff;
use crate::config;
use crate::db::Claim;
use crate::error::Error;
use crate::jobs::{Environment, Jobs};
use crate::shutdown::Shutdown;
use crate::spans;
use batch::{Batch, Came};
use control::Order;
use inflight::InFlight;
use lane::Lane;
use report::Reporter;

pub(crate) use batch::Summary;
pub(crate) use control::{Control, Orders, Refused, Standing, control};
pub(crate) use inflight::Phase;
#[cfg(test)]
pub(crate) use inflight::tests::claim;

/// What the loop works with.
pub(crate) struct Worker {
    environment: Arc<Environment>,
    jobs: Jobs,
    settings: config::Worker,
    name: String,
    inflight: Arc<InFlight>,
    reporter: Reporter,
    reporting: JoinHandle<()>,
    tasks: JoinSet<(Claim, Came)>,
    lanes: Vec<Lane>,
    orders: Orders,
    /// Whether it takes jobs by itself.
    claiming: bool,
    /// What somebody has asked for.
    batch: Option<Batch>,
    poll_at: Instant,
    backoff: Backoff,
}

impl Worker {
    pub(crate) fn new(
        environment: Arc<Environment>,
        settings: config::Worker,
        name: String,
        orders: Orders,
    ) -> Self {
        let (reporter, reporting) = Reporter::start(environment.db.clone());
        let jobs = Jobs::new();
        let platforms = environment.providers.iter().map(|provider| provider.platform().name).collect();
        Self {
            lanes: Lane::all(&jobs, platforms, settings.concurrency),
            reporter,
            reporting,
            environment,
            jobs,
            settings,
            name,
            inflight: Arc::default(),
            tasks: JoinSet::new(),
            orders,
            claiming: true,
            batch: None,
            poll_at: Instant::now(),
            backoff: Backoff::database(),
        }
    }

    /// Works until a shutdown begins, then finishes what is under way. An error if it could not go on: without
    /// heartbeats leases run out under running jobs, and without reports nothing ever ends.
    pub(crate) async fn run(mut self, wake: Arc<Notify>, shutdown: Shutdown) -> Result<(), Error> {
        let mut heartbeat = tokio::spawn(heartbeat::run(
            self.environment.db.clone(),
            Arc::clone(&self.inflight),
            self.settings.lease,
        ));
        info!(worker = self.name, concurrency = self.settings.concurrency, kinds = ?self.jobs, "working");
        let worked = loop {
            // A claim is not cancelled: what the database has handed out has to arrive.
            if self.most() > 0 && !shutdown.begun() {
                self.claim_in_turn().await;
            }
            self.end_batch();
            self.tell();
            tokio::select! {
                biased;
                () = shutdown.wait() => break Ok(()),
                ended = &mut heartbeat => break Err(broken("heartbeat", &ended)),
                ended = &mut self.reporting => break Err(broken("reporter", &ended)),
                Some(ended) = self.tasks.join_next() => self.ended(ended),
                Some(order) = self.orders.orders.recv() => self.obey(order),
                () = wake.notified() => self.all_due(true),
                () = tokio::time::sleep_until(self.poll_at) => self.poll(),
            }
        };
        self.drain().await;
        heartbeat.abort();
        worked
    }

    fn free(&self) -> usize {
        self.settings.concurrency.saturating_sub(self.tasks.len())
    }

    /// How many jobs it may take: where it takes none by itself, those of a batch.
    fn most(&self) -> usize {
        let wanted = if self.claiming { usize::MAX } else { self.batch.as_ref().map_or(0, Batch::left) };
        self.free().min(wanted)
    }

    fn obey(&mut self, order: Order) {
        // who has given it may be gone
        match order {
            Order::Claim(claims, done) => {
                if self.claiming != claims {
                    info!(claims, "an operator says whether jobs are taken");
                }
                self.claiming = claims;
                self.all_due(true);
                self.tell();
                let _ = done.send(());
            }
            Order::Batch(_, answer) if self.batch.is_some() => {
                let _ = answer.send(Err(Refused::Busy));
            }
            Order::Batch(max, answer) => {
                self.batch = Some(Batch::new(max, answer));
                self.all_due(true);
            }
        }
    }

    /// Answers a batch of which all has ended.
    fn end_batch(&mut self) {
        let more = self.lanes.iter().any(|lane| lane.due);
        if let Some(batch) = self.batch.take_if(|batch| batch.is_over(more)) {
            batch.answer();
        }
    }

    fn tell(&self) {
        let standing = Standing {
            claiming: self.claiming,
            batch: self.batch.is_some(),
            running: self.tasks.len(),
            concurrency: self.settings.concurrency,
        };
        self.orders.standing.send_if_modified(|told| std::mem::replace(told, standing) != standing);
    }

    fn all_due(&mut self, due: bool) {
        self.lanes.iter_mut().for_each(|lane| lane.due = due);
    }

    fn poll(&mut self) {
        self.all_due(true);
        self.poll_at = Instant::now() + self.settings.poll;
    }

    /// Fills the free places. Each lane is the first in its turn: a backlog of one must not keep the others out.
    async fn claim_in_turn(&mut self) {
        self.lanes.rotate_left(1);
        for lane in 0..self.lanes.len() {
            let room = self.lanes[lane].room(self.most());
            if self.lanes[lane].due && room > 0 {
                self.claim(lane, room).await;
            }
        }
    }

    async fn claim(&mut self, lane: usize, room: usize) {
        let Lane { kinds, platforms, .. } = &self.lanes[lane];
        let (db, lease) = (&self.environment.db, self.settings.lease);
        let claimed = db.claim_jobs(&self.name, room, kinds, platforms.as_deref(), lease).await;
        match claimed {
            Ok(claims) => {
                if self.backoff.failures() > 0 {
                    info!("the database answers again");
                    self.backoff.reset();
                }
                self.lanes[lane].claimed(room, claims.len());
                claims.into_iter().for_each(|claim| self.start(claim));
                if !self.lanes[lane].due {
                    self.wait_for_next(lane).await;
                }
            }
            Err(error) => {
                let pause = self.backoff.next();
                warn!(%error, retry_ms = pause.as_millis() as u64, "claiming failed");
                self.environment.metrics.claim_failed();
                self.all_due(false);
                if let Some(batch) = self.batch.take() {
                    batch.give_up();
                }
                self.poll_at = Instant::now() + pause;
            }
        }
    }

    /// Wakes when the next job is due, so that a scheduled post does not wait for the poll.
    async fn wait_for_next(&mut self, lane: usize) {
        match self.environment.db.next_run(&self.lanes[lane].kinds).await {
            Ok(Some(wait)) => self.poll_at = self.poll_at.min(Instant::now() + wait),
            Ok(None) => {}
            Err(error) => debug!(%error, "the next job's time is not known"),
        }
    }

    /// Every claim may run: how many of an account do, the database has seen to.
    fn start(&mut self, claim: Claim) {
        let span = spans::job(&claim);
        let queued = spans::queued(&span, &claim);
        span.in_scope(|| debug!("claimed"));
        let work = self.inflight.add(&claim);
        if let Some(batch) = &mut self.batch {
            batch.began(&claim);
        }
        self.environment.metrics.claimed(&claim.kind);
        let (environment, jobs) = (Arc::clone(&self.environment), self.jobs.clone());
        let reporter = self.reporter.clone();
        let task = async move {
            let claim = work.claim.clone();
            let ended = whatever_happens(claim, task::run(&environment, &jobs, &reporter, work)).await;
            environment.metrics.left();
            drop(queued);
            ended
        };
        self.tasks.spawn(task.instrument(span));
    }

    /// The slot is free again.
    fn ended(&mut self, ended: Result<(Claim, Came), tokio::task::JoinError>) {
        match ended {
            Ok((claim, came)) => {
                self.inflight.remove(&claim);
                if let Some(batch) = &mut self.batch {
                    batch.ended(&claim, came);
                    // what it held up, of its account for one, may be due now
                    self.all_due(true);
                }
                let of = self.lanes.iter_mut().find(|lane| lane.kinds.contains(&claim.kind.as_str()));
                of.into_iter().for_each(Lane::ended);
            }
            // A task catches its panics; it is only aborted at the end of a drain.
            Err(error) => warn!(%error, "a task was lost"),
        }
    }

    /// A failure is not grave: the leases run out.
    async fn give_back(&self, claims: &[Claim], pauses: &[Duration]) {
        let (ids, tokens) =
            claims.iter().map(|claim| (claim.job_id, claim.token)).unzip::<_, _, Vec<_>, Vec<_>>();
        if let Err(error) = self.environment.db.snooze_jobs(&ids, &tokens, pauses).await {
            warn!(%error, jobs = ids.len(), "jobs could not be given back; their leases will run out");
        }
    }
}

/// Runs a task and comes back with its claim even if the task panics, so that nobody extends its lease: the next worker
/// takes it up.
async fn whatever_happens(claim: Claim, task: impl Future<Output = Came>) -> (Claim, Came) {
    let came = AssertUnwindSafe(task).catch_unwind().await.unwrap_or_else(|_| {
        error!("a task panicked outside its job; its lease will run out");
        Came::Failed
    });
    (claim, came)
}

fn broken(part: &str, ended: &Result<(), tokio::task::JoinError>) -> Error {
    let reason = ended.as_ref().err().map_or_else(|| "it ended".to_owned(), ToString::to_string);
    error!(part, reason, "a part without which no job may run is gone, shutting down");
    Error::Refused(format!("the {part} is gone ({reason}); start crierd again"))
}

#[cfg(test)]
mod tests {
    use super::inflight::tests::claim;
    use super::*;

    fn worker() -> Worker {
        let settings = config::Worker {
            concurrency: 64,
            poll: Duration::from_secs(60),
            lease: Duration::from_secs(60),
            drain: Duration::from_secs(1),
        };
        Worker::new(Arc::new(crate::jobs::tests::environment()), settings, "test".into(), control().1)
    }

    #[tokio::test]
    async fn a_task_that_panics_returns_its_claim() {
        let (returned, came) = whatever_happens(claim(1, 7, None), async { panic!("meant") }).await;
        assert_eq!((returned.token, came), (7, Came::Failed));
    }

    #[tokio::test]
    async fn without_a_reporter_the_worker_ends_with_an_error() {
        let worker = worker();
        worker.reporting.abort();
        let error = worker.run(Arc::default(), Shutdown::default()).await.unwrap_err();
        assert!(error.to_string().contains("reporter"), "{error}");
        assert_ne!(error.exit_code(), 0);
    }
}
