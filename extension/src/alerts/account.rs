//! What is told of accounts: once for each of their credentials, so that an account that is left alone is no daily alarm, and
//! one that was connected again and fails again is one.

use std::collections::HashSet;

use crier_core::error_class::ErrorClass;
use pgrx::Uuid;
use serde_json::{Value, json};

use crate::alerts::{Alert, REAUTH_REQUIRED, REFRESH_FAILED, raise};
use crate::error::Result;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};

const TELL_ONCE: Statement = statement!(up "alerts/tell_once");

/// These accounts need a new login; `error` is what the platform said, where that is known.
pub(crate) fn need_login(
    accounts: impl Iterator<Item = Uuid>,
    error: Option<&Value>,
    now: Timestamptz,
) -> Result<()> {
    let accounts: Vec<Uuid> = accounts.collect::<HashSet<_>>().into_iter().collect();
    let told = error.map_or(Value::Null, |error| shown(ErrorClass::AuthRevoked, error));
    tell_once(accounts, REAUTH_REQUIRED, &told, now)
}

/// The credential of an account could not be refreshed, for another reason than that the grant is gone.
pub(crate) fn refresh_failed(
    account: Uuid,
    class: ErrorClass,
    error: &Value,
    now: Timestamptz,
) -> Result<()> {
    tell_once(vec![account], REFRESH_FAILED, &shown(class, error), now)
}

fn shown(class: ErrorClass, error: &Value) -> Value {
    let mut told = json!({ "class": class.as_str() });
    if let Some(message) = error.get("message").filter(|message| message.is_string()) {
        told["message"] = message.clone();
    }
    told
}

fn tell_once(accounts: Vec<Uuid>, kind: &'static str, error: &Value, now: Timestamptz) -> Result<()> {
    if accounts.is_empty() || !raise::are_made()? {
        return Ok(());
    }
    let alerts = TELL_ONCE.write(&[accounts.into(), kind.into()], |row| {
        let (workspace, account, generation) =
            (row.need::<Uuid>(1)?, row.need::<Uuid>(2)?, row.need::<i64>(3)?);
        let mut data = json!({
            "workspace_id": workspace.to_string(),
            "account_id": account.to_string(),
            "platform": row.need::<String>(4)?,
            "handle": row.need::<String>(5)?,
        });
        if !error.is_null() {
            data["error"] = error.clone();
        }
        Ok(Alert { workspace: Some(workspace), kind, key: format!("{account}:{generation}"), data })
    })?;
    if alerts.is_empty() { Ok(()) } else { raise::tell(&alerts, now) }
}
