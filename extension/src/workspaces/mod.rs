//! Tenants: workspaces, who belongs to them, and with which role.

mod api_keys;
mod create;
mod delete;
mod invitations;
mod leave;
mod members;
mod mine;
mod roles;
mod seats;
mod transfer;

use pgrx::Uuid;
use pgrx::prelude::*;

/// A new id: a UUIDv7, which sorts by the time it was made.
#[pg_extern(volatile, parallel_safe)]
#[search_path(pg_catalog, pg_temp)]
pub(crate) fn new_id() -> Uuid {
    Uuid::from_bytes(*uuid::Uuid::now_v7().as_bytes())
}
