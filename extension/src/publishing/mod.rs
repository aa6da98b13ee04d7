//! What a sidecar calls to publish a target: prepare, record the intent, commit, reconcile.
//! `docs/architecture.md` draws the states.

pub(crate) mod follow;
mod intent;
mod prepare;
mod report;
mod resolve;
mod start;
mod taken;
pub(crate) mod thread;
mod withdraw;

use pgrx::Uuid;

use crate::error::Result;
use crate::queue::held::{self, Held};
use crate::queue::settle;

/// A publish job whose lease is still the caller's; it stays locked until the end of the transaction. Nothing where
/// the lease is lost.
fn hold_job(job_id: Uuid, token: i64) -> Result<Option<Held>> {
    held::one_by_lease(job_id, token, settle::publishes)
}
