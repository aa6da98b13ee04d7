//! The loop: claims jobs in batches, runs them within bounds, answers in batches.

mod drain;
mod heartbeat;
mod inflight;
mod lanes;
mod report;
mod task;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::backoff::Backoff;
use crate::config;
use crate::db::Claim;
use crate::jobs::{Environment, Jobs};
use crate::shutdown::Shutdown;
use inflight::InFlight;
use lanes::{Lanes, Place};
use report::Reporter;

pub(crate) use inflight::Phase;

/// What the loop works with.
pub(crate) struct Worker {
    environment: Arc<Environment>,
    jobs: Jobs,
    settings: config::Worker,
    name: String,
    inflight: Arc<InFlight>,
    reporter: Reporter,
    lanes: Lanes,
    tasks: JoinSet<Claim>,
    /// Something may be due.
    due: bool,
    poll_at: Instant,
    backoff: Backoff,
}

impl Worker {
    pub(crate) fn new(environment: Arc<Environment>, settings: config::Worker, name: String) -> Self {
        Self {
            reporter: Reporter::start(environment.db.clone()),
            environment,
            jobs: Jobs::new(),
            settings,
            name,
            inflight: Arc::default(),
            lanes: Lanes::default(),
            tasks: JoinSet::new(),
            due: true,
            poll_at: Instant::now(),
            backoff: Backoff::database(),
        }
    }

    /// Works until a shutdown begins, then finishes what is under way.
    pub(crate) async fn run(mut self, wake: Arc<Notify>, shutdown: Shutdown) {
        let heartbeat = tokio::spawn(heartbeat::run(
            self.environment.db.clone(),
            Arc::clone(&self.inflight),
            self.settings.lease,
        ));
        info!(worker = self.name, concurrency = self.settings.concurrency, kinds = ?self.jobs, "working");
        loop {
            // A claim is not cancelled: what the database has handed out has to arrive.
            if self.due && self.free() > 0 && !shutdown.begun() {
                self.claim().await;
            }
            tokio::select! {
                biased;
                () = shutdown.wait() => break,
                Some(ended) = self.tasks.join_next() => self.ended(ended),
                () = wake.notified() => self.due = true,
                () = tokio::time::sleep_until(self.poll_at) => self.poll(),
            }
        }
        self.drain().await;
        heartbeat.abort();
    }

    fn free(&self) -> usize {
        self.settings.concurrency.saturating_sub(self.tasks.len())
    }

    fn poll(&mut self) {
        self.due = true;
        self.poll_at = Instant::now() + self.settings.poll;
    }

    async fn claim(&mut self) {
        let free = self.free();
        let kinds = self.jobs.kinds();
        let claimed = self.environment.db.claim_jobs(&self.name, free, &kinds, self.settings.lease).await;
        match claimed {
            Ok(claims) => {
                if self.backoff.failures() > 0 {
                    info!("the database answers again");
                    self.backoff.reset();
                }
                // As many as asked for: there may be more.
                self.due = claims.len() >= free;
                self.accept(claims).await;
                if !self.due {
                    self.wait_for_next(&kinds).await;
                }
            }
            Err(error) => {
                let pause = self.backoff.next();
                warn!(%error, retry_ms = pause.as_millis() as u64, "claiming failed");
                self.due = false;
                self.poll_at = Instant::now() + pause;
            }
        }
    }

    /// Wakes when the next job is due, so that a scheduled post does not wait for the poll.
    async fn wait_for_next(&mut self, kinds: &[&str]) {
        match self.environment.db.next_run(kinds).await {
            Ok(Some(wait)) => self.poll_at = self.poll_at.min(Instant::now() + wait),
            Ok(None) => {}
            Err(error) => debug!(%error, "the next job's time is not known"),
        }
    }

    /// Starts what may start, keeps a few jobs for accounts that are at work, and gives the rest back.
    async fn accept(&mut self, claims: Vec<Claim>) {
        let (mut surplus, mut pauses) = (Vec::new(), Vec::new());
        let now = Instant::now();
        for claim in claims {
            debug!(job_id = %claim.job_id, kind = claim.kind, attempt = claim.attempt, "claimed");
            match self.lanes.place(claim, now) {
                Place::Start(claim) => self.start(claim),
                Place::Waiting(claim) => drop(self.inflight.add(&claim)),
                Place::Surplus(claim, pause) => {
                    surplus.push(claim);
                    pauses.push(pause);
                }
            }
        }
        if !surplus.is_empty() {
            self.give_back(&surplus, &pauses).await;
        }
    }

    fn start(&mut self, claim: Claim) {
        let work = self.inflight.add(&claim);
        let (environment, jobs) = (Arc::clone(&self.environment), self.jobs.clone());
        let reporter = self.reporter.clone();
        self.tasks.spawn(async move {
            let claim = work.claim.clone();
            task::run(&environment, &jobs, &reporter, work).await;
            claim
        });
    }

    /// The slot is free again, and so is the account.
    fn ended(&mut self, ended: Result<Claim, tokio::task::JoinError>) {
        match ended {
            Ok(claim) => {
                self.inflight.remove(&claim);
                if let Some(next) = self.lanes.ended(&claim, Instant::now()) {
                    self.start(next);
                }
            }
            // A task catches its job's panics; it is only aborted at the end of a drain.
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
