//! `crier.begin_refresh` and `crier.fail_refresh`: one refresh at a time per account, over all sidecars.

use crier_core::error_class::ErrorClass;
use pgrx::Uuid;
use pgrx::datum::Interval;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::accounts::add_event;
use crate::alerts;
use crate::clock;
use crate::error::Result;
use crate::input;
use crate::passed::Jsonb;
use crate::plans::{Statement, statement};
use crate::queue::fail::parse_class;

const BEGIN: Statement = statement!(up "accounts/begin_refresh");
const LOCK_ACCOUNT: Statement = statement!(up "accounts/lock_account");
const FAIL: Statement = statement!(up "accounts/fail_refresh");
const MAX_ERROR_BYTES: usize = 65_536;
const REQUIRE_REAUTH: Statement = statement!(up "accounts/require_reauth");

/// Asks to be the one who refreshes the account's credential of this generation, and answers with a token for it.
/// Null: somebody else does, or the generation is old; read the credential again.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn begin_refresh(
    account_id: Option<Uuid>,
    generation: Option<i64>,
    lease: default!(Option<Interval>, "'1 minute'"),
) -> Result<Option<i64>, ErrorReport> {
    let account = input::required(account_id, "account_id")?;
    let generation = input::required(generation, "generation")?;
    let now = clock::now();
    let until = clock::lease_end(lease, now)?;
    let args = [account.into(), generation.into(), now.into(), until.into()];
    Ok(BEGIN.write(&args, |row| row.need(1))?.into_iter().next())
}

/// Says that a refresh failed. Only `auth_revoked`, the platform's word that the grant is gone, asks for a new
/// login; anything else leaves the account as it is. An old generation or token changes nothing.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn fail_refresh(
    account_id: Option<Uuid>,
    generation: Option<i64>,
    token: Option<i64>,
    class: Option<&str>,
    error: Option<Jsonb>,
) -> Result<(), ErrorReport> {
    let account = input::required(account_id, "account_id")?;
    let generation = input::required(generation, "generation")?;
    let token = input::required(token, "token")?;
    let class = parse_class(input::required(class, "class")?)?;
    let error = input::required(error, "error")?.parse("error", MAX_ERROR_BYTES)?;
    let now = clock::now();
    LOCK_ACCOUNT.run_only(&[account.into()])?;
    let found = FAIL.write(&[account.into(), generation.into(), token.into()], |row| row.need::<Uuid>(1))?;
    for workspace in found {
        let payload = serde_json::json!({ "class": class.as_str(), "error": error });
        add_event(workspace, "token_refresh_failed", account, &payload, now)?;
        if class == ErrorClass::AuthRevoked {
            REQUIRE_REAUTH.run_only(&[workspace.into(), account.into(), now.into()])?;
            alerts::account::need_login([account].into_iter(), now)?;
        } else {
            alerts::account::refresh_failed(account, class, &error, now)?;
        }
    }
    Ok(())
}
