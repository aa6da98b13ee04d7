//! What functions of SQL answer with, as far as pages show it.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

type Time = DateTime<Utc>;

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next_cursor: Option<String>,
    pub(super) has_more: bool,
}

impl<T> Page<T> {
    /// Whether there is nothing of it. A page may be empty where others follow: what passes a filter may be far away.
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty() && !self.has_more
    }

    /// Where the next page begins, if there is one.
    pub(super) fn next(&self) -> Option<&str> {
        self.next_cursor.as_deref().filter(|_| self.has_more)
    }
}

/// A post in a list.
#[derive(Debug, Deserialize)]
pub(super) struct Listed {
    pub(super) id: Uuid,
    pub(super) content: String,
    pub(super) state: String,
    pub(super) scheduled_at: Option<Time>,
    pub(super) created_at: Time,
    pub(super) targets: i64,
    pub(super) published: i64,
    #[serde(default)]
    pub(super) tags: Vec<String>,
}

/// A post with all there is of it.
#[derive(Debug, Deserialize)]
pub(super) struct Post {
    pub(super) id: Uuid,
    pub(super) workspace_id: Uuid,
    pub(super) content: String,
    pub(super) state: String,
    pub(super) scheduled_at: Option<Time>,
    pub(super) created_at: Time,
    /// As SQL wrote it: it is compared with what is there when somebody approves.
    pub(super) updated_at: String,
    pub(super) deleted_at: Option<Time>,
    pub(super) first_comment: Option<String>,
    #[serde(default)]
    pub(super) media: Value,
    #[serde(default)]
    pub(super) thread: Value,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    pub(super) targets: Vec<Target>,
}

/// A post, or a part of one, for an account.
#[derive(Debug, Deserialize)]
pub(super) struct Target {
    pub(super) id: Uuid,
    pub(super) platform: String,
    pub(super) handle: Option<String>,
    pub(super) part: i64,
    pub(super) state: String,
    pub(super) content: Option<String>,
    pub(super) due_at: Option<Time>,
    pub(super) url: Option<String>,
    pub(super) error: Option<Value>,
    pub(super) attempts: i64,
    pub(super) published_at: Option<Time>,
    pub(super) deleted_at: Option<Time>,
}

/// A step of a post's timeline.
#[derive(Debug, Deserialize)]
pub(super) struct Step {
    pub(super) at: Time,
    pub(super) kind: String,
    pub(super) target_id: Option<Uuid>,
    #[serde(default)]
    pub(super) details: Value,
}

/// A target of which a person has to say whether it is out.
#[derive(Debug, Deserialize)]
pub(super) struct Unconfirmed {
    pub(super) id: Uuid,
    pub(super) post_id: Uuid,
    pub(super) platform: String,
    pub(super) handle: String,
    pub(super) content: Option<String>,
    pub(super) error: Option<Value>,
    pub(super) at: Option<Time>,
}

/// Why a post failed for an account.
#[derive(Debug, Deserialize)]
pub(super) struct Failure {
    pub(super) post_id: Uuid,
    pub(super) platform: String,
    pub(super) handle: String,
    pub(super) error: Option<Value>,
}

/// What a calendar shows.
#[derive(Debug, Deserialize)]
pub(super) struct Planned {
    pub(super) due_at: Time,
    pub(super) post_id: Option<Uuid>,
    pub(super) schedule_id: Option<Uuid>,
    pub(super) state: String,
    pub(super) content: String,
    pub(super) accounts: Option<Vec<PlannedFor>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PlannedFor {
    pub(super) platform: String,
    pub(super) handle: String,
}

/// An account.
#[derive(Debug, Deserialize)]
pub(super) struct Account {
    pub(super) id: Uuid,
    pub(super) workspace_id: Uuid,
    pub(super) platform: String,
    pub(super) handle: String,
    pub(super) base_url: String,
    pub(super) status: String,
    pub(super) status_reason: Option<String>,
}

/// How long the token of an account lives, and how renewing it went.
#[derive(Debug, Deserialize)]
pub(super) struct Token {
    pub(super) account_id: Uuid,
    pub(super) expires_at: Option<Time>,
    pub(super) refresh_expires_at: Option<Time>,
    /// None: not by itself.
    pub(super) refresh_at: Option<Time>,
    pub(super) refresh_failures: i64,
    pub(super) failed_with: Option<String>,
    pub(super) failed_at: Option<Time>,
}

/// How much an account may do of something, in the time in which the least is left.
#[derive(Debug, Deserialize)]
pub(super) struct Left {
    pub(super) account_id: Uuid,
    pub(super) per: Option<String>,
    pub(super) max: Option<i64>,
    pub(super) used: Option<i64>,
    pub(super) resets_at: Option<Time>,
}

/// A limit of an account, or a block.
#[derive(Debug, Deserialize)]
pub(super) struct Limit {
    pub(super) action: String,
    pub(super) scope: String,
    pub(super) per: Option<String>,
    pub(super) max: Option<i64>,
    pub(super) used: Option<i64>,
    pub(super) remaining: Option<i64>,
    pub(super) resets_at: Option<Time>,
    #[serde(default)]
    pub(super) custom: bool,
    /// May be without end.
    pub(super) blocked_until: Option<String>,
    pub(super) reason: Option<String>,
}

/// A workspace at a glance.
#[derive(Debug, Deserialize)]
pub(super) struct Stats {
    pub(super) posts: Map<String, Value>,
    pub(super) jobs: Map<String, Value>,
    /// Whether nothing older was left out.
    pub(super) complete: bool,
}

/// A job.
#[derive(Debug, Deserialize)]
pub(super) struct Job {
    pub(super) id: Uuid,
    pub(super) kind: String,
    pub(super) platform: Option<String>,
    pub(super) state: String,
    pub(super) attempt: i64,
    pub(super) max_attempts: Option<i64>,
    pub(super) run_at: Option<Time>,
    pub(super) finished_at: Option<Time>,
    pub(super) error: Option<Value>,
}

/// A schedule.
#[derive(Debug, Deserialize)]
pub(super) struct Schedule {
    pub(super) id: Uuid,
    pub(super) workspace_id: Uuid,
    pub(super) name: Option<String>,
    pub(super) kind: String,
    pub(super) state: String,
    pub(super) rule: Option<String>,
    pub(super) starts: NaiveDateTime,
    pub(super) ends: Option<NaiveDateTime>,
    pub(super) zone: String,
    pub(super) item_rest: Option<String>,
    pub(super) next_at: Option<Time>,
    #[serde(default)]
    pub(super) template: Value,
    #[serde(default)]
    pub(super) recent: Vec<Occurrence>,
}

/// What became of an occurrence.
#[derive(Debug, Deserialize)]
pub(super) struct Occurrence {
    pub(super) occurs_at: Time,
    pub(super) state: String,
    pub(super) post_id: Option<Uuid>,
    pub(super) error: Option<Value>,
}

/// A coming occurrence.
#[derive(Debug, Deserialize)]
pub(super) struct Coming {
    pub(super) occurs_at: Time,
    pub(super) wall_time: NaiveDateTime,
    pub(super) utc_offset: String,
    pub(super) note: Option<String>,
}

/// An item of the queue of a schedule.
#[derive(Debug, Deserialize)]
pub(super) struct Item {
    pub(super) id: Uuid,
    #[serde(default)]
    pub(super) template: Value,
    pub(super) uses: i64,
    pub(super) last_used_at: Option<Time>,
}

/// How much of a kind there was on a platform on a day.
#[derive(Debug, Deserialize)]
pub(super) struct Counted {
    pub(super) bucket: Time,
    pub(super) kind: Option<String>,
    pub(super) platform: Option<String>,
    pub(super) events: i64,
}

/// How publishing came out on a platform.
#[derive(Debug, Deserialize)]
pub(super) struct Rate {
    pub(super) platform: Option<String>,
    pub(super) published: i64,
    pub(super) failed: i64,
    pub(super) unconfirmed: i64,
    pub(super) success_rate: Option<f64>,
}

/// What somebody did.
#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    pub(super) at: Time,
    pub(super) actor: String,
    pub(super) user_id: Option<Uuid>,
    pub(super) action: String,
    pub(super) object_type: String,
    pub(super) object_id: Option<Uuid>,
    #[serde(default)]
    pub(super) changes: Value,
}
