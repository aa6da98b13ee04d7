//! The parts of a thread: each gets its job when the one before it is published, in the same transaction.

use std::collections::HashMap;

use crier_core::platform::Answers;
use pgrx::Uuid;
use serde_json::json;

use crate::error::{Result, find_platform};
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::queue::job::{self, NewJob};
use crate::queue::settle::{PUBLISH, PUBLISH_COMMENT};
use crate::workspaces::new_id;

const ADVANCE: Statement = statement!(up "publishing/advance");

/// More than the usual three: an unclear answer is looked into by further attempts, which send nothing new.
const MAX_ATTEMPTS: i32 = 5;

/// A published target for which another part waits.
pub(crate) struct Published {
    pub(crate) workspace_id: Uuid,
    pub(crate) post_id: Uuid,
    pub(crate) account_id: Uuid,
    pub(crate) platform: String,
    pub(crate) part: i32,
}

/// Gives the parts that wait for these their jobs. One that was canceled stays so, and what waits for it waits on.
pub(crate) fn advance(published: &[Published], now: Timestamptz) -> Result<()> {
    if published.is_empty() {
        return Ok(());
    }
    // Not made with the target: an id tells the day by which a job is found.
    let jobs: HashMap<_, _> = published.iter().map(|part| (new_id(), part)).collect();
    let (ids, parts): (Vec<Uuid>, Vec<&&Published>) = jobs.iter().map(|(id, part)| (*id, part)).unzip();
    let args = [
        parts.iter().map(|part| part.workspace_id).collect::<Vec<_>>().into(),
        parts.iter().map(|part| part.post_id).collect::<Vec<_>>().into(),
        parts.iter().map(|part| part.account_id).collect::<Vec<_>>().into(),
        parts.iter().map(|part| part.part + 1).collect::<Vec<_>>().into(),
        ids.into(),
        now.into(),
    ];
    let due = ADVANCE.write(&args, |row| {
        Ok((row.need::<Uuid>(1)?, row.need::<Uuid>(2)?, row.get::<Uuid>(3)?, row.need::<i32>(4)?))
    })?;
    let mut added = Vec::with_capacity(due.len());
    for (job_id, target_id, author, priority) in due {
        let Some(before) = jobs.get(&job_id) else { continue };
        let answers = find_platform(&before.platform)?.answers;
        let is_comment = matches!(answers, Answers::Comments { .. });
        let job = Job { id: job_id, target_id, is_comment, run_at: now };
        let job = job.of_post(before.workspace_id, before.post_id, before.account_id, author);
        added.push(NewJob { priority, goes_on: true, ..job });
    }
    if added.is_empty() { Ok(()) } else { job::insert(&added, now).map(drop) }
}

/// The job of a target.
pub(crate) struct Job {
    pub(crate) id: Uuid,
    pub(crate) target_id: Uuid,
    pub(crate) is_comment: bool,
    pub(crate) run_at: Timestamptz,
}

impl Job {
    pub(crate) fn of_post(&self, workspace: Uuid, post: Uuid, account: Uuid, author: Option<Uuid>) -> NewJob {
        let kind = if self.is_comment { PUBLISH_COMMENT } else { PUBLISH };
        let params = json!({ "post_id": post.to_string(), "target_id": self.target_id.to_string() });
        NewJob {
            id: self.id,
            workspace_id: Some(workspace),
            user_id: author,
            account_id: Some(account),
            run_at: Some(self.run_at),
            max_attempts: Some(MAX_ATTEMPTS),
            ..NewJob::new(kind.to_owned(), params.to_string())
        }
    }
}
