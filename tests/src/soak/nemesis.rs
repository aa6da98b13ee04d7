//! What breaks things, with a history of its own.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::client::{Abilities, Trouble};
use super::dice::Dice;
use super::fleet::Fleet;
use super::history::{Answer, Ask, FaultKind, Line, Writer, now};
use super::{Faults, Plan};
use crate::cluster::Database;
use crate::session::Session;
use crate::wait::{SOON, wait_for};

const BACKENDS: &str = "\
    SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY pid";
const TERMINATE: &str = "SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid";
const EXPIRE: &str = "SELECT crier.expire_leases($1)";
const MOST_TERMINATED: u64 = 5;

pub(super) struct Nemesis {
    database: Database,
    history: Writer,
    dice: Dice,
    can: Abilities,
    faults: Faults,
    struck: usize,
    next: Instant,
    last_crash: Instant,
    session: Option<Session>,
}

impl Nemesis {
    pub(super) async fn new(plan: &Plan, database: &Database) -> Self {
        let session = database.connect().await;
        let can = Abilities::of(&session).await;
        let mut nemesis = Self {
            database: database.clone(),
            history: Writer::create(&plan.dir, "nemesis"),
            dice: Dice::new(plan.seed, "nemesis"),
            can,
            faults: plan.faults.clone(),
            struck: 0,
            next: Instant::now(),
            last_crash: Instant::now(),
            session: Some(session),
        };
        nemesis.plan_next();
        nemesis
    }

    /// Whether nothing more has to be broken.
    pub(super) fn is_through(&self) -> bool {
        match &self.faults {
            Faults::Script(kinds, _) => self.struck >= kinds.len(),
            Faults::Random { .. } => true,
        }
    }

    fn plan_next(&mut self) {
        let pause = match &self.faults {
            Faults::Script(_, every) => *every,
            Faults::Random { every, .. } => every.mul_f64(self.dice.between(20, 180) as f64 / 100.0),
        };
        self.next = Instant::now() + pause;
    }

    fn choose(&mut self) -> Option<FaultKind> {
        use FaultKind::{ExpireLeases, Immediate, KillBackend, KillWorker, Restart, Terminate};
        match &self.faults {
            Faults::Script(kinds, _) => kinds.get(self.struck).copied(),
            Faults::Random { crash_every, .. } => {
                let may_crash = self.last_crash.elapsed() >= *crash_every;
                let kinds: &[FaultKind] = if may_crash {
                    &[KillBackend, KillBackend, Immediate, Restart, KillWorker]
                } else if self.can.expire_leases {
                    &[KillWorker, KillWorker, Terminate, Terminate, ExpireLeases]
                } else {
                    &[KillWorker, Terminate]
                };
                self.dice.pick(kinds).copied()
            }
        }
    }

    /// Breaks something if it is time.
    pub(super) async fn strike(&mut self, fleet: &mut Fleet) -> Result<(), String> {
        if self.next > Instant::now() {
            return Ok(());
        }
        let Some(kind) = self.choose() else { return Ok(()) };
        let done = match kind {
            FaultKind::KillWorker => self.kill_worker(fleet).await,
            FaultKind::KillBackend => self.kill_backend().await,
            FaultKind::Terminate => self.terminate().await,
            FaultKind::ExpireLeases => self.expire(vec![None]).await,
            FaultKind::Immediate => self.restart(kind, "immediate").await,
            FaultKind::Restart => self.restart(kind, "fast").await,
        };
        // one that finds nobody to strike is tried again
        if done? {
            self.struck += 1;
        }
        if kind.is_crash() {
            self.last_crash = Instant::now();
        }
        self.plan_next();
        Ok(())
    }

    fn begin(&mut self, kind: FaultKind, target: String) -> u64 {
        self.history.asked(Ask::Fault { kind, target })
    }

    fn over(&mut self, call: u64) -> Result<bool, String> {
        self.history.answered(call, Answer::Struck);
        Ok(true)
    }

    async fn kill_worker(&mut self, fleet: &mut Fleet) -> Result<bool, String> {
        let call = self.begin(FaultKind::KillWorker, String::new());
        let sessions = fleet.kill_one(&mut self.dice)?;
        self.over(call)?;
        if self.can.expire_leases && self.dice.percent(50) {
            self.expire(sessions.into_iter().map(Some).collect()).await?;
        }
        Ok(true)
    }

    async fn expire(&mut self, workers: Vec<Option<String>>) -> Result<bool, String> {
        let call = self.begin(FaultKind::ExpireLeases, format!("{workers:?}"));
        for worker in workers {
            let session = self.session().await;
            if let Err(error) = session.query(EXPIRE, &[&worker]).await {
                // nobody knows whether it happened: that is how it counts
                let trouble = Trouble::of(&error);
                self.session = None;
                self.history.line(&Line::Lost { at: now(), call, error: format!("{trouble:?}") });
                return Ok(true);
            }
        }
        self.over(call)
    }

    async fn terminate(&mut self) -> Result<bool, String> {
        let mut pids = self.backends().await;
        let most = 1 + self.dice.below(MOST_TERMINATED) as usize;
        while pids.len() > most {
            let at = self.dice.below(pids.len() as u64) as usize;
            pids.swap_remove(at);
        }
        let call = self.begin(FaultKind::Terminate, format!("{pids:?}"));
        let session = self.session().await;
        session.query(TERMINATE, &[&pids]).await.map_err(|error| format!("can't terminate: {error}"))?;
        self.over(call)
    }

    async fn kill_backend(&mut self) -> Result<bool, String> {
        let pids = self.backends().await;
        let Some(pid) = self.dice.pick(&pids).copied().and_then(Pid::from_raw) else { return Ok(false) };
        let call = self.begin(FaultKind::KillBackend, format!("{}", pid.as_raw_nonzero()));
        if kill_process(pid, Signal::KILL).is_err() {
            // its client went away just now
            self.history.line(&Line::Refused { at: now(), call, code: "57014".into(), error: "gone".into() });
            return Ok(false);
        }
        // the server ends everyone else too: only then it is anew
        if let Some(session) = self.session.take() {
            wait_for("the server to end its sessions", SOON, async || {
                if session.is_closed() { Ok(()) } else { Err("still there") }
            })
            .await;
        }
        self.session().await;
        self.over(call)
    }

    async fn restart(&mut self, kind: FaultKind, mode: &'static str) -> Result<bool, String> {
        self.session = None;
        let call = self.begin(kind, mode.to_owned());
        let database = self.database.clone();
        let restarted = tokio::task::spawn_blocking(move || {
            database.server().stop(mode);
            database.server().start();
        });
        restarted.await.map_err(|error| format!("the restart failed: {error}"))?;
        self.session().await;
        self.over(call)
    }

    async fn backends(&mut self) -> Vec<i32> {
        let rows = self.session().await.query(BACKENDS, &[]).await.unwrap_or_default();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// A session that works, however long it takes.
    async fn session(&mut self) -> &Session {
        let url = self.database.url("postgres");
        let good = match &self.session {
            Some(session) => session.try_text("SELECT 1").await.is_ok(),
            None => false,
        };
        if !good {
            let session = wait_for("the server to answer", SOON, async || {
                let session = Session::try_connect(&url).await?;
                session.try_text("SELECT 1").await.map(|_| session)
            });
            self.session = Some(session.await);
        }
        self.session.as_ref().unwrap_or_else(|| unreachable!("it was just made"))
    }

    /// The answer to a question, or what went wrong.
    pub(super) async fn text(&mut self, sql: &str) -> String {
        match tokio::time::timeout(SOON, self.session().await.try_text(sql)).await {
            Ok(Ok(text)) => text,
            Ok(Err(refusal)) => refusal.to_string(),
            Err(_) => format!("no answer within {:?}", Duration::as_secs(&SOON)),
        }
    }
}
