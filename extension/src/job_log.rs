//! `crier.log_job` and `crier.log_jobs`: what workers say about their jobs. `pages/logs.rs` lists it.

use std::collections::HashSet;

use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::SetOfIterator;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::input;
use crate::passed::{Jsonb, JsonbArray};
use crate::plans::{Statement, statement};
use crate::workspaces::new_id;

const APPEND: Statement = statement!("job_log/append");

/// How bad it is, mildest first.
pub(crate) const LEVELS: [&str; 4] = ["debug", "info", "warning", "error"];
const MAX_MESSAGE_BYTES: usize = 65_536;
const MAX_METADATA_BYTES: usize = 65_536;

/// Appends a line to the log of a job; answers with its id.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn log_job(
    job_id: Option<Uuid>,
    level: Option<&str>,
    message: Option<&str>,
    metadata: default!(Option<Jsonb>, "'{}'"),
) -> Result<Uuid, ErrorReport> {
    let id = input::required(job_id, "job_id")?;
    let line =
        Line::new(id, input::required(level, "level")?, input::required(message, "message")?, metadata)?;
    let stored = append(&[line])?;
    let missing = CrierError::NotFound { what: "job", id };
    Ok(stored.into_iter().flatten().next().ok_or(missing)?)
}

/// Appends lines to the logs of jobs: element by element a job, a level, a message and, unless null, metadata. Answers
/// with their ids in that order, null for a job that there is not.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn log_jobs(
    job_ids: Option<Vec<Option<Uuid>>>,
    levels: Option<Vec<Option<String>>>,
    messages: Option<Vec<Option<String>>>,
    metadata: default!(Option<JsonbArray>, "NULL"),
) -> Result<SetOfIterator<'static, Option<Uuid>>, ErrorReport> {
    let ids = input::elements(job_ids, "job_ids")?;
    let levels = input::elements(levels, "levels")?;
    let messages = input::elements(messages, "messages")?;
    input::same_length(("job_ids", ids.len()), ("levels", levels.len()))?;
    input::same_length(("job_ids", ids.len()), ("messages", messages.len()))?;
    let metadata = match metadata {
        None => vec![None; ids.len()],
        Some(array) => array.elements("metadata", ids.len())?,
    };
    let lines = ids.iter().zip(&levels).zip(&messages).zip(metadata);
    let lines = lines.map(|(((id, level), message), metadata)| Line::new(*id, level, message, metadata));
    Ok(SetOfIterator::new(append(&lines.collect::<Result<Vec<_>>>()?)?))
}

/// A line before it is stored.
struct Line<'a> {
    id: Uuid,
    job_id: Uuid,
    level: &'static str,
    message: &'a str,
    /// JSON as text.
    metadata: String,
}

impl<'a> Line<'a> {
    fn new(job_id: Uuid, level: &str, message: &'a str, metadata: Option<Jsonb>) -> Result<Self> {
        let metadata = match metadata {
            None => "{}".to_owned(),
            Some(value) => value.to_text_within("metadata", MAX_METADATA_BYTES)?,
        };
        if !metadata.starts_with('{') {
            let shown: String = metadata.chars().take(80).collect();
            let hint = "Give an object, for instance {\"attempt\": 2}.";
            return Err(CrierError::invalid("metadata", format!("is {shown}"), hint));
        }
        if message.len() > MAX_MESSAGE_BYTES {
            let (found, limit) = (message.len(), MAX_MESSAGE_BYTES);
            return Err(CrierError::TooLarge { what: "message", found, limit, unit: "bytes" });
        }
        Ok(Self { id: new_id(), job_id, level: level_named(level)?, message, metadata })
    }
}

/// One of the levels.
pub(crate) fn level_named(level: &str) -> Result<&'static str> {
    LEVELS.into_iter().find(|known| *known == level).ok_or_else(|| {
        let shown: String = level.chars().take(80).collect();
        CrierError::invalid("level", format!("is {shown:?}"), "Use debug, info, warning or error.")
    })
}

fn append(lines: &[Line<'_>]) -> Result<Vec<Option<Uuid>>> {
    if lines.is_empty() {
        return Ok(vec![]);
    }
    let stored = APPEND.write(
        &[
            lines.iter().map(|line| line.id).collect::<Vec<_>>().into(),
            lines.iter().map(|line| line.job_id).collect::<Vec<_>>().into(),
            lines.iter().map(|line| line.level).collect::<Vec<_>>().into(),
            lines.iter().map(|line| line.message).collect::<Vec<_>>().into(),
            lines.iter().map(|line| line.metadata.as_str()).collect::<Vec<_>>().into(),
            clock::now().into(),
        ],
        |row| row.need::<Uuid>(1),
    )?;
    let stored: HashSet<Uuid> = stored.into_iter().collect();
    Ok(lines.iter().map(|line| stored.contains(&line.id).then_some(line.id)).collect())
}
