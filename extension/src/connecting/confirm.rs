//! `crier.confirm_connect`.

use std::time::Duration;

use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::clock;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::plans::{Statement, statement};

const GRANTED: Statement = statement!(up "connecting/granted");
const CONFIRM: Statement = statement!(up "connecting/confirm");

/// From the answer of this function to the person's browser at crierd.
const TICKET_LIFE: Duration = Duration::from_secs(5 * 60);
/// How long a secret of crierd's may be.
const MAX_SECRET_CHARS: usize = 64;

/// Confirms that the person who came back from a login with `crier_confirm` is the one who began it, and answers with a ticket,
/// good once and for five minutes: send the person's browser to crierd's `/oauth/finish` with it, see docs/connect.md. Call it as
/// the user of the session that the browser has, who must be the one that `crier.begin_connect` was called for. A trusted role may
/// confirm every login, and has to compare by itself.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn confirm_connect(secret: Option<&str>) -> Result<String, ErrorReport> {
    let secret = input::required(secret, "secret")?;
    let caller = Caller::current()?;
    let (is_trusted, user) = match caller {
        Caller::Trusted => (true, None),
        Caller::User(user) => (false, user),
    };
    if secret.is_empty() || secret.len() > MAX_SECRET_CHARS {
        return Err(unknown().into());
    }
    let now = clock::now();
    let args = [secret.into(), now.into(), is_trusted.into(), user.into()];
    let found = GRANTED.newest(&args, |row| Ok((row.need::<Uuid>(1)?, row.need::<Uuid>(2)?)))?;
    let (workspace, login) = found.into_iter().next().ok_or_else(unknown)?;
    caller.require(workspace, const { rights::least("confirm_connect") })?;
    let args = [workspace.into(), login.into(), secret.into(), now.plus(TICKET_LIFE).into()];
    let tickets = CONFIRM.write(&args, |row| row.need::<String>(1))?;
    Ok(tickets.into_iter().next().ok_or_else(unknown)?)
}

/// What another user began is answered as what nobody did. The secret is never shown.
fn unknown() -> CrierError {
    CrierError::invalid(
        "secret",
        "confirms no login of this user: it is unknown, was used, is too old, or another user began the login",
        "Nothing was connected. Have the user begin again with crier.begin_connect.",
    )
}
