//! What the database knows of an installation, as far as the page shows it.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

type Time = DateTime<Utc>;

/// All of it.
#[derive(Debug, Deserialize)]
pub(super) struct Installation {
    pub(super) status: Status,
    pub(super) queue: Queue,
    pub(super) alerts: Vec<Alert>,
    pub(super) backlog: Vec<Backlog>,
    pub(super) kinds: Vec<Kind>,
    pub(super) platforms: Vec<Platform>,
    pub(super) workers: Vec<Worker>,
    pub(super) blocks: Vec<Block>,
    pub(super) dead: Vec<Dead>,
}

/// Whether the database is one that publishes.
#[derive(Debug, Deserialize)]
pub(super) struct Status {
    /// It is a copy that nobody has adopted.
    pub(super) paused: bool,
    pub(super) reason: Option<String>,
}

/// The queue now. What only its memory knows is not there on a standby.
#[derive(Debug, Deserialize)]
pub(super) struct Queue {
    pub(super) pending: Option<i64>,
    pub(super) retrying: Option<i64>,
    pub(super) running: Option<i64>,
    pub(super) scheduled_later: Option<i64>,
    pub(super) failed: i64,
    pub(super) completed_per_minute: Option<i64>,
    pub(super) completed_last_hour: Option<i64>,
    pub(super) failed_last_hour: Option<i64>,
    pub(super) oldest_due_seconds: Option<f64>,
}

/// What is above its threshold.
#[derive(Debug, Deserialize)]
pub(super) struct Alert {
    pub(super) name: String,
    pub(super) value: Option<f64>,
    pub(super) threshold: f64,
    pub(super) about: String,
}

/// What waits of a kind on a platform.
#[derive(Debug, Deserialize)]
pub(super) struct Backlog {
    pub(super) kind: String,
    pub(super) platform: Option<String>,
    pub(super) due: i64,
    pub(super) pending: i64,
    pub(super) retrying: i64,
    pub(super) running: i64,
}

/// How jobs of a kind ended within an hour; without a kind: all. Times are seconds.
#[derive(Debug, Deserialize)]
pub(super) struct Kind {
    pub(super) kind: Option<String>,
    pub(super) completed: i64,
    pub(super) failed: i64,
    pub(super) error_rate: Option<f64>,
    pub(super) waiting_p50: Option<f64>,
    pub(super) waiting_p95: Option<f64>,
    pub(super) processing_p50: Option<f64>,
    pub(super) processing_p95: Option<f64>,
}

/// How publishing came out on a platform within a day.
#[derive(Debug, Deserialize)]
pub(super) struct Platform {
    pub(super) platform: Option<String>,
    pub(super) published: i64,
    pub(super) failed: i64,
    pub(super) success_rate: Option<f64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Worker {
    pub(super) worker: String,
    pub(super) running: Option<i64>,
    pub(super) workspaces: Option<i64>,
    pub(super) completed_last_day: i64,
    pub(super) failed_last_day: i64,
    pub(super) last_seen_at: Option<Time>,
}

/// What holds something up.
#[derive(Debug, Deserialize)]
pub(super) struct Block {
    pub(super) kind: String,
    pub(super) workspace_id: Option<Uuid>,
    pub(super) platform: Option<String>,
    pub(super) host: Option<String>,
    pub(super) account_id: Option<Uuid>,
    pub(super) handle: Option<String>,
    /// Of an account; of a pause the kind of jobs.
    pub(super) action: Option<String>,
    /// May be without end.
    pub(super) until: String,
    pub(super) reason: Option<String>,
    pub(super) set_by: Option<String>,
}

impl Block {
    /// Whether it is a pause of everything.
    pub(super) fn is_all(&self) -> bool {
        let about = (&self.workspace_id, &self.platform, &self.account_id, &self.action);
        self.kind == "pause" && matches!(about, (None, None, None, None))
    }
}

/// A job that failed for good.
#[derive(Debug, Deserialize)]
pub(super) struct Dead {
    pub(super) job_id: Uuid,
    pub(super) workspace_id: Option<Uuid>,
    pub(super) platform: Option<String>,
    pub(super) kind: String,
    pub(super) attempt: i64,
    pub(super) error: Option<Value>,
    pub(super) finished_at: Time,
}
