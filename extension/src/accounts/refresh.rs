//! `crier.begin_refresh`, `crier.fail_refresh` and `crier.defer_refresh`: one refresh at a time per account, over all sidecars.

use crier_core::error_class::ErrorClass;
use crier_core::refresh::{BACKOFF, LONG_BACKOFF, spread};
use pgrx::Uuid;
use pgrx::datum::Interval;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use crate::accounts::add_event;
use crate::alerts;
use crate::clock;
use crate::durable;
use crate::error::Result;
use crate::input;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};
use crate::queue::fail::parse_class;

const BEGIN: Statement = statement!(up "accounts/begin_refresh");
const LOCK_ACCOUNT: Statement = statement!(up "accounts/lock_account");
const FAIL: Statement = statement!(up "accounts/fail_refresh");
const DEFER: Statement = statement!(up "accounts/defer_refresh");
const MAX_ERROR_BYTES: usize = 65_536;
const REQUIRE_REAUTH: Statement = statement!(up "accounts/require_reauth");
/// The most characters kept of why an account needs a new login.
const MAX_REASON: usize = 500;

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
    // a crash that forgets who has it would give it to a second one, who sends a refresh token that was used
    durable::require_commit()?;
    Ok(BEGIN.write(&args, |row| row.need(1))?.into_iter().next())
}

/// Says that a refresh failed. Only `auth_revoked`, the platform's word that the grant is gone, asks for a new
/// login; anything else leaves the account as it is, and has it tried again later: not before `retry_at`, if that is given.
/// `outcome_unknown`: it was sent and nobody knows what the platform did. An old generation or token changes nothing.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn fail_refresh(
    account_id: Option<Uuid>,
    generation: Option<i64>,
    token: Option<i64>,
    class: Option<&str>,
    error: Option<Jsonb>,
    retry_at: default!(Option<Timestamptz>, "NULL"),
) -> Result<(), ErrorReport> {
    let account = input::required(account_id, "account_id")?;
    let generation = input::required(generation, "generation")?;
    let token = input::required(token, "token")?;
    let class = parse_class(input::required(class, "class")?)?;
    let error = input::required(error, "error")?.parse("error", MAX_ERROR_BYTES)?;
    let now = clock::now();
    let retry_at = retry_at.map(|at| at.plausible("retry_at", now)).transpose()?;
    let message = error.get("message").and_then(serde_json::Value::as_str);
    let kept = json!({ "class": class.as_str(), "message": message });
    let backoff = match class {
        ErrorClass::AuthRevoked => None,
        ErrorClass::Config | ErrorClass::Permission | ErrorClass::Unsupported => Some(LONG_BACKOFF),
        _ => Some(BACKOFF),
    };
    let span = |span: std::time::Duration| clock::interval(span.as_micros() as i64);
    LOCK_ACCOUNT.run_only(&[account.into()])?;
    let args = [
        account.into(),
        generation.into(),
        token.into(),
        now.into(),
        (class == ErrorClass::OutcomeUnknown).into(),
        backoff.map(|backoff| span(backoff.first)).into(),
        backoff.map(|backoff| span(backoff.max)).into(),
        retry_at.into(),
        Jsonb::from_value(&kept).into(),
        spread(*account.as_bytes(), generation).into(),
    ];
    let found = FAIL.write(&args, |row| {
        Ok((row.need::<Uuid>(1)?, row.get::<String>(2)?, row.get::<String>(3)?, row.get::<String>(4)?))
    })?;
    for (workspace, before, next_try_at, expires_at) in found {
        let needs_login = class == ErrorClass::AuthRevoked;
        // The same failure again and again is one, until a refresh succeeds.
        if needs_login || before.as_deref() != Some(class.as_str()) {
            let payload = json!({
                "class": class.as_str(),
                "error": error,
                "needs_login": needs_login,
                "next_try_at": next_try_at,
                "expires_at": expires_at,
            });
            add_event(workspace, "token_refresh_failed", account, &payload, now)?;
        }
        if needs_login {
            let reason: String = message.unwrap_or(class.as_str()).chars().take(MAX_REASON).collect();
            REQUIRE_REAUTH.run_only(&[workspace.into(), account.into(), now.into(), reason.into()])?;
            alerts::account::need_login([account].into_iter(), Some(&error), now)?;
        } else {
            alerts::account::refresh_failed(account, class, &error, now)?;
        }
    }
    Ok(())
}

/// Ends a refresh under whose lease nothing was sent, and says when it is time for one; null: not by itself. False: the lease or the
/// generation is old.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn defer_refresh(
    account_id: Option<Uuid>,
    generation: Option<i64>,
    token: Option<i64>,
    until: Option<Timestamptz>,
) -> Result<bool, ErrorReport> {
    let account = input::required(account_id, "account_id")?;
    let generation = input::required(generation, "generation")?;
    let token = input::required(token, "token")?;
    let until = until.map(|at| at.plausible("until", clock::now())).transpose()?;
    let args = [account.into(), generation.into(), token.into(), until.into()];
    Ok(!DEFER.write(&args, |_| Ok(()))?.is_empty())
}
