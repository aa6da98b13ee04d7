//! Tenants.

use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::error::Result;
use crate::identity::Caller;
use crate::input;
use crate::plans::{Statement, statement};

const INSERT: Statement = statement!("posts/insert_workspace");

/// Makes a workspace and its owner; answers with its id.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn create_workspace(name: Option<&str>, owner_id: Option<Uuid>) -> Result<Uuid, ErrorReport> {
    let name = input::text(name, "name", 200)?;
    let owner = input::required(owner_id, "owner_id")?;
    Caller::current()?.acts_as(Some(owner))?;
    let id = new_id();
    INSERT.run_only(&[id.into(), name.into(), owner.into()])?;
    Ok(id)
}

/// A new id: a UUIDv7, which sorts by the time it was made.
#[pg_extern(volatile, parallel_safe)]
pub(crate) fn new_id() -> Uuid {
    Uuid::from_bytes(*uuid::Uuid::now_v7().as_bytes())
}
