//! `crier.get_post` and `crier.post_state`.

use crier_core::target::{self, TargetState};
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::passed::Jsonb;
use crate::plans::{Statement, statement};

const GET: Statement = statement!(up "posts/get_post");

/// A post with every target's state, address, error and attempts.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn get_post(post_id: Option<Uuid>) -> Result<Jsonb, ErrorReport> {
    let id = input::required(post_id, "post_id")?;
    let scope = Caller::current()?.readable()?;
    let found = GET.read(&[id.into(), scope.into()], |row| row.need(1))?;
    Ok(found.into_iter().next().ok_or(CrierError::NotFound { what: "post", id })?)
}

/// The state of a post from the states of its targets.
#[pg_extern(immutable, parallel_safe)]
#[search_path(pg_catalog, pg_temp)]
fn post_state(states: Vec<Option<String>>) -> Result<&'static str, ErrorReport> {
    let read = |state: &String| {
        state.parse::<TargetState>().map_err(|error| {
            CrierError::invalid(
                "states",
                format!("can't be read: {error}"),
                "Use the states of post targets.",
            )
        })
    };
    let states = states.iter().flatten().map(read).collect::<Result<Vec<_>>>()?;
    Ok(target::post_state(&states))
}
