//! `crier.taken_posts` and its counterpart in reports: a post on a platform is that of one target.

use std::collections::HashMap;

use crier_core::error_class::ErrorClass;
use crier_core::platform::MAX_EXTERNAL_ID;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use crate::answer::TableIterator;
use crate::error::Result;
use crate::input;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};
use crate::queue::settle;

const TAKEN: Statement = statement!(up "publishing/taken_posts");
const LOCK: Statement = statement!(up "publishing/lock_posts");
const CONTESTED: Statement = statement!(up "publishing/contested").planned_once();

/// Which of the posts that a look found, by their ids on the platform, belong to another target of the job's account: they
/// are not what is looked for. `intent_at` is when the other one was sent last: of two that read the same, one is published
/// and the other's send may still become visible.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn taken_posts(
    job_id: Option<Uuid>,
    external_ids: Option<Vec<Option<String>>>,
) -> Result<
    TableIterator<'static, (name!(external_id, String), name!(intent_at, Option<Timestamptz>))>,
    ErrorReport,
> {
    let job_id = input::required(job_id, "job_id")?;
    let ids = input::elements(external_ids, "external_ids")?;
    let rows = TAKEN.read(&[job_id.into(), ids.into()], |row| Ok((row.need(1)?, row.get(2)?)))?;
    Ok(TableIterator::new(rows))
}

/// Why a post that is said to be published is not taken for a target's.
#[derive(Clone, Copy)]
pub(super) enum Refused {
    /// Another target has it: two looks can find the same one, and the first to say so has it.
    NotItsOwn,
    /// What the platform calls it is too long to be kept, and cut it could be the name of another one.
    Nameless,
}

impl Refused {
    /// The error that the target gets instead.
    pub(super) fn error(self) -> Jsonb {
        let class = ErrorClass::OutcomeUnknown.as_str();
        match self {
            // Of two posts that read the same. Whether there is a second one the next look tells.
            Self::NotItsOwn => {
                settle::reason(class, "the post that was found is that of another target of the account")
            }
            // No look will: a person says where it is.
            Self::Nameless => {
                let message = format!(
                    "the platform calls the post by a name of more than {MAX_EXTERNAL_ID} characters"
                );
                Jsonb::from_value(&json!({ "class": class, "message": message, "unknowable": true }))
            }
        }
    }
}

/// The jobs among these whose post is not taken for theirs.
pub(super) fn refused(published: &[(Uuid, Option<Jsonb>)]) -> Result<HashMap<Uuid, Refused>> {
    if published.is_empty() {
        return Ok(HashMap::new());
    }
    let (ids, details): (Vec<_>, Vec<_>) = published.iter().copied().unzip();
    LOCK.write(&[details.clone().into()], |_| Ok(()))?;
    let longest = i32::try_from(MAX_EXTERNAL_ID).unwrap_or(i32::MAX);
    let found = CONTESTED.write(&[ids.into(), details.into(), longest.into()], |row| {
        let why = if row.need(2)? { Refused::Nameless } else { Refused::NotItsOwn };
        Ok((row.need::<Uuid>(1)?, why))
    })?;
    Ok(found.into_iter().collect())
}
