//! Turns what happened into deliveries, and `crier.raise_alert`.

use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::{Value, json};

use crate::alerts::{DELIVER, KINDS, MAX_WAITING, OF_ALL};
use crate::clock;
use crate::error::{CrierError, Result};
use crate::input;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};
use crate::queue::job::{self, NewJob};

const ARE_MADE: Statement = statement!(up "alerts/are_made");
const LISTENERS: Statement = statement!(up "alerts/listeners");
/// Above the work of tenants, so that an alert of a full queue does not wait until there is room.
const PRIORITY: i32 = 10;
/// Of what the operator hears: who runs the installation comes before those whose alerts it delivers.
const OPERATORS_PRIORITY: i32 = 20;
const MAX_DATA_BYTES: usize = 262_144;
/// What a stored error has at most, with room for the class that is put into it.
const MAX_ERROR_BYTES: usize = 131_072;

/// Something that happened.
pub(crate) struct Alert {
    /// Where; nothing for the whole installation.
    pub(crate) workspace: Option<Uuid>,
    pub(crate) kind: &'static str,
    /// What it was: told once to an endpoint while that has not got it.
    pub(crate) key: String,
    /// What is told.
    pub(crate) data: Value,
}

/// An endpoint that wants to hear of something.
struct Listener {
    id: Uuid,
    workspace: Option<Uuid>,
    /// Nothing for everything.
    kinds: Option<Vec<String>>,
    /// How many more alerts may wait for it.
    room: usize,
}

impl Listener {
    /// The operator's endpoints hear of every workspace.
    fn wants(&self, alert: &Alert) -> bool {
        let is_near = self.workspace.is_none() || self.workspace == alert.workspace;
        let kinds = self.kinds.as_deref();
        is_near && kinds.is_none_or(|kinds| kinds.iter().any(|kind| kind == alert.kind))
    }

    fn delivery(&self, alert: &Alert) -> NewJob {
        let params = json!({ "endpoint_id": self.id.to_string(), "type": alert.kind, "data": alert.data });
        // A workspace is one owner in the queue, however many endpoints it has. Each of the operator's is one of its own, in the
        // place of a user: one that hangs holds up no other.
        let (user_id, priority) =
            if self.workspace.is_none() { (Some(self.id), OPERATORS_PRIORITY) } else { (None, PRIORITY) };
        NewJob {
            workspace_id: self.workspace,
            user_id,
            priority,
            dedupe_key: Some(format!("{}:{}:{}", self.id, alert.kind, alert.key)),
            ..NewJob::new(DELIVER.to_owned(), params.to_string())
        }
    }
}

/// A stored error, as an alert tells it; nothing where it can't be read: it is with what failed.
pub(crate) fn told_error(error: Option<Jsonb>) -> Option<Value> {
    error?.parse("error", MAX_ERROR_BYTES).ok()
}

/// Whether there are tables for alerts. What raises one must not fail before `crier.migrate()` is run for a newer library.
pub(super) fn are_made() -> Result<bool> {
    Ok(ARE_MADE.read(&[], |row| row.need::<bool>(1))?.first() == Some(&true))
}

/// Adds a job for each endpoint that wants to hear of one of these, in this transaction.
pub(crate) fn raise(alerts: &[Alert], now: Timestamptz) -> Result<()> {
    if alerts.is_empty() || !are_made()? { Ok(()) } else { tell(alerts, now) }
}

/// The same where the tables are known to be there.
pub(super) fn tell(alerts: &[Alert], now: Timestamptz) -> Result<()> {
    let mut workspaces: Vec<Uuid> = alerts.iter().filter_map(|alert| alert.workspace).collect();
    workspaces.sort_unstable_by_key(|id| *id.as_bytes());
    workspaces.dedup();
    let listeners = LISTENERS.read(&[workspaces.into(), MAX_WAITING.into()], |row| {
        let room = usize::try_from(row.need::<i64>(4)?).unwrap_or(0);
        Ok(Listener { id: row.need(1)?, workspace: row.get(2)?, kinds: row.get(3)?, room })
    })?;
    let deliveries = |listener: &Listener| -> Vec<NewJob> {
        let wanted = alerts.iter().filter(|alert| listener.wants(alert));
        wanted.take(listener.room).map(|alert| listener.delivery(alert)).collect()
    };
    let jobs: Vec<NewJob> = listeners.iter().flat_map(deliveries).collect();
    if jobs.is_empty() { Ok(()) } else { job::insert(&jobs, now).map(drop) }
}

/// Tells the operator's endpoints of something in the whole installation. `crier.check_alerts` calls it.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn raise_alert(p_kind: Option<&str>, p_key: Option<&str>, p_data: Option<Jsonb>) -> Result<(), ErrorReport> {
    const HINT: &str = "Use threshold.begun or threshold.ended.";
    let kind = input::required(p_kind, "p_kind")?;
    let kind = OF_ALL
        .into_iter()
        .find(|known| *known == kind)
        .ok_or_else(|| CrierError::invalid("p_kind", "is about no whole installation", HINT))?;
    let key = input::text(p_key, "p_key", 200)?;
    let data = input::required(p_data, "p_data")?.parse("p_data", MAX_DATA_BYTES)?;
    Ok(raise(&[Alert { workspace: None, kind, key, data }], clock::now())?)
}

/// The kinds named, each one that there is and that an endpoint of a workspace can hear of.
pub(super) fn known_kinds(
    kinds: Option<Vec<Option<String>>>,
    of_workspace: bool,
) -> Result<Option<Vec<String>>> {
    const HINT: &str = "Leave p_kinds null for everything, or name some of post.failed, post.unconfirmed, \
                        action.failed, action.unconfirmed, account.reauth_required, credential.refresh_failed, threshold.begun and threshold.ended. \
                        The last two are told to endpoints without a workspace.";
    let Some(kinds) = input::filter(kinds, "p_kinds")? else { return Ok(None) };
    if kinds.is_empty() {
        return Err(CrierError::invalid("p_kinds", "names nothing", HINT));
    }
    for kind in &kinds {
        let shown: String = kind.chars().take(80).collect();
        let what = || format!("kind {shown:?}");
        if !KINDS.contains(&kind.as_str()) {
            return Err(CrierError::invalid(what(), "is not a kind of alert", HINT));
        }
        if of_workspace && OF_ALL.contains(&kind.as_str()) {
            return Err(CrierError::invalid(what(), "is told to the operator only", HINT));
        }
    }
    Ok(Some(kinds))
}
