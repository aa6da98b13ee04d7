//! What every session writes down: a line before a call is sent and a line when its answer has come, or has not.
//!
//! A line is written with one call of the system, so that a killed process leaves whole lines, and what it asked last
//! is known even if the answer never is.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Microseconds since 1970. Server and clients are on one machine and read one clock.
pub type Micros = i64;

/// No worker of the soak gives a job back for longer.
pub const LONGEST_SNOOZE: Micros = 500_000;

/// One line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Line {
    /// A call is about to be sent.
    Asked {
        /// When.
        at: Micros,
        /// Its number in this file.
        call: u64,
        /// What it asks for.
        ask: Ask,
    },
    /// It has happened.
    Answered {
        /// When.
        at: Micros,
        /// The number of the call.
        call: u64,
        /// The answer.
        answer: Answer,
    },
    /// It has not happened: the server said so.
    Refused {
        /// When.
        at: Micros,
        /// The number of the call.
        call: u64,
        /// The SQLSTATE.
        code: String,
        /// The message.
        error: String,
    },
    /// Nobody knows whether it has happened.
    Lost {
        /// When.
        at: Micros,
        /// The number of the call.
        call: u64,
        /// What broke.
        error: String,
    },
}

/// What a call asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// Adds jobs.
    Enqueue {
        /// Which.
        jobs: Vec<Wish>,
        /// False: the transaction is rolled back on purpose.
        keep: bool,
    },
    /// Answers for jobs, asks for some, or both in one call.
    Work {
        /// The answers.
        answers: Vec<Reply>,
        /// What is wanted.
        claim: Option<Wanted>,
    },
    /// Breaks something.
    Fault {
        /// What is done.
        kind: FaultKind,
        /// To whom.
        target: String,
    },
}

/// A job to be added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wish {
    /// Unlike every other in the run; it is in the job's params.
    pub n: u64,
    /// Whether it has a dedupe key, so that the answer may be another job's id.
    #[serde(default)]
    pub keyed: bool,
    /// When it is to run; none is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Micros>,
}

/// How a worker answers for a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Done.
    Complete,
    /// Failed with an error that may pass; due again at once.
    Fail,
    /// Failed for good.
    GiveUp,
    /// Given back for a moment.
    Snooze,
    /// Still working.
    Extend,
}

/// One answer for one job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// What.
    pub op: Op,
    /// The job.
    pub id: Uuid,
    /// The token of the claim.
    pub token: i64,
}

/// What a claim asks for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wanted {
    /// At most so many.
    pub max: i32,
    /// For so long.
    pub lease: Micros,
    /// How long the call may wait for work.
    pub wait: Micros,
}

/// What the server answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// The ids of the jobs, in the order of the wishes.
    Added {
        /// The ids.
        ids: Vec<Uuid>,
    },
    /// Which answers count, and what was handed out.
    Worked {
        /// The answers that were accepted.
        accepted: Vec<Accepted>,
        /// The jobs that were handed out.
        claimed: Vec<Claimed>,
    },
    /// The fault is over.
    Struck,
}

/// An answer that the server accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accepted {
    /// What was answered.
    pub op: Op,
    /// The job.
    pub id: Uuid,
    /// The end of the lease, where it was extended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Micros>,
}

/// A job in a worker's hands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claimed {
    /// The job.
    pub id: Uuid,
    /// The token.
    pub token: i64,
    /// The number of the attempt.
    pub attempt: i32,
    /// The end of the lease.
    pub until: Micros,
}

/// What the run does to the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// kill -9 of a worker process.
    KillWorker,
    /// kill -9 of a server process, after which the server starts anew.
    KillBackend,
    /// pg_terminate_backend of some sessions.
    Terminate,
    /// crier.expire_leases.
    ExpireLeases,
    /// An immediate shutdown and a start.
    Immediate,
    /// A fast shutdown and a start.
    Restart,
}

impl FaultKind {
    /// Whether the server forgets what is in its memory.
    pub fn is_crash(self) -> bool {
        matches!(self, Self::KillBackend | Self::Immediate | Self::Restart)
    }
}

/// A job at the end of the run, as the view crier.jobs shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Final {
    /// The id.
    pub id: Uuid,
    /// The number in its params; none for a job that the run didn't make.
    pub n: Option<u64>,
    /// The kind.
    pub kind: String,
    /// Workspace, user and account: whose turn it is.
    pub owner: String,
    /// The priority.
    pub priority: i32,
    /// The dedupe key, with everything within which it is unlike others.
    pub key: Option<String>,
    /// The state.
    pub state: String,
    /// The attempts that count.
    pub attempt: i32,
    /// The most there may be.
    pub max_attempts: i32,
    /// The leases that ran out.
    pub lost_leases: i32,
    /// The class of its error.
    pub class: Option<String>,
    /// The token in its result.
    pub result_token: Option<i64>,
    /// When it was over.
    pub finished_at: Option<Micros>,
}

/// The time.
pub(crate) fn now() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// One session's file.
#[derive(Debug)]
pub(crate) struct Writer {
    file: File,
    calls: u64,
}

impl Writer {
    /// A new file in the run's directory.
    pub(crate) fn create(dir: &Path, name: &str) -> Self {
        let path = dir.join(format!("{name}.jsonl"));
        let file = File::options().create_new(true).append(true).open(&path);
        let file = file.unwrap_or_else(|error| panic!("can't write {}: {error}", path.display()));
        Self { file, calls: 0 }
    }

    /// Writes a call down before it is sent; gives its number.
    pub(crate) fn asked(&mut self, ask: Ask) -> u64 {
        self.calls += 1;
        self.line(&Line::Asked { at: now(), call: self.calls, ask });
        self.calls
    }

    pub(crate) fn answered(&mut self, call: u64, answer: Answer) {
        self.line(&Line::Answered { at: now(), call, answer });
    }

    pub(crate) fn line(&mut self, line: &Line) {
        write_line(&mut self.file, line);
    }
}

/// Writes one value as one line, at once.
pub(crate) fn write_line(file: &mut File, value: &impl Serialize) {
    let mut text = serde_json::to_vec(value).unwrap_or_else(|error| panic!("can't write a line: {error}"));
    text.push(b'\n');
    file.write_all(&text).unwrap_or_else(|error| panic!("can't write a line: {error}"));
}
