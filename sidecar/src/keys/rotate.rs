//! `crierd keys rotate`: everything under the newest keys, while sidecars run.
//!
//! Every step looks for what is left to do and puts the new in the place of the old only where the old is still there. So it may
//! be stopped anywhere and run again, also twice at once, and what a sidecar stores meanwhile stays.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::status::whose;
use crate::config::Config;
use crate::db::{Db, Swap, patiently};
use crate::error::Error;
use crate::secrets::{self, DataKey, Parts, STORED, Vault};

/// How many are read and stored at a time: rows are locked for the length of one batch.
const BATCH: i32 = 50;
/// How long the database may be away.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many of those that can't be opened are named.
const NAMED: usize = 10;

/// What was done.
#[derive(Debug, Default)]
struct Counts {
    rewrapped: i64,
    made: i64,
    resealed: i64,
    /// Somebody else changed it at the same time.
    passed_over: i64,
    /// What can't be opened, with the reason of the first ones.
    failed: usize,
    reasons: Vec<String>,
}

impl Counts {
    fn fail(&mut self, what: String, error: &Error) {
        self.failed += 1;
        if self.reasons.len() < NAMED {
            self.reasons.push(format!("{what}: {error}"));
        }
    }
}

/// Rotates and prints what was done; fails if something is left that can't be opened.
pub(crate) async fn run(config: &Config, data_keys: bool) -> Result<(), Error> {
    secrets::forbid_core_dumps();
    let db = Db::new(&config.database)?;
    let vault = Vault::load(&config.keys, Arc::new(db.clone())).await?;
    let mut counts = Counts::default();
    rewrap(&db, &vault, &mut counts).await?;
    if data_keys {
        replace(&db, &vault, &mut counts).await?;
    }
    reseal(&db, &vault, &mut counts).await?;
    let active = vault.keys().active();
    println!("wrapped {} data key(s) with key {active}", counts.rewrapped);
    println!("made {} new data key(s)", counts.made);
    println!("sealed {} value(s) anew", counts.resealed);
    println!("passed over {} that somebody else changed at the same time", counts.passed_over);
    if counts.failed == 0 {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "{} can't be opened and stayed as they are:\n  - {}",
        counts.failed,
        counts.reasons.join("\n  - ")
    )))
}

/// Wraps all data keys with the active key.
async fn rewrap(db: &Db, vault: &Vault, counts: &mut Counts) -> Result<(), Error> {
    let usage = patiently(PATIENCE, || db.key_usage()).await?;
    let active = vault.keys().active();
    for old in usage.iter().filter_map(|usage| usage.key_id).filter(|id| *id != active) {
        let mut after = None;
        loop {
            let page = patiently(PATIENCE, || db.list_data_keys(old, after, BATCH)).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            let keys = vault.keys();
            let mut batch = Vec::with_capacity(page.len());
            for key in page {
                let unwrapped = DataKey::unwrap(&keys, key.id, key.workspace_id, &key.wrapped);
                match unwrapped.and_then(|unwrapped| unwrapped.wrap(&keys)) {
                    Ok(new) => batch.push((key.id, key.wrapped, new)),
                    Err(error) => counts.fail(format!("data key of {}", whose(key.workspace_id)), &error),
                }
            }
            if batch.is_empty() {
                continue;
            }
            let done = patiently(PATIENCE, || db.rewrap_data_keys(&batch)).await?;
            counts.rewrapped += done;
            counts.passed_over += batch.len() as i64 - done;
        }
    }
    Ok(())
}

/// Gives each workspace a new data key. One that has sealed nothing yet is new enough: a run that was stopped made it.
async fn replace(db: &Db, vault: &Vault, counts: &mut Counts) -> Result<(), Error> {
    let active = vault.keys().active();
    // Ids sort by time: what is made from here on is not looked at.
    let end = patiently(PATIENCE, || db.new_id()).await?;
    let mut after: Option<Uuid> = None;
    loop {
        let page = patiently(PATIENCE, || db.list_data_keys(active, after, BATCH)).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        let used = page.iter().filter(|key| key.is_active && key.messages > 0 && key.id < end);
        for key in used {
            let made = patiently(PATIENCE, || vault.replace(key.workspace_id, key.id)).await?;
            *(if made { &mut counts.made } else { &mut counts.passed_over }) += 1;
        }
    }
    Ok(())
}

/// Seals anew what the active data key of its workspace has not sealed.
async fn reseal(db: &Db, vault: &Vault, counts: &mut Counts) -> Result<(), Error> {
    for column in STORED {
        let mut after = None;
        loop {
            let page = patiently(PATIENCE, || db.list_sealed(column.name, after, BATCH)).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.row_id);
            let mut batch = Vec::new();
            for value in page {
                let Some(old) = value.sealed else { continue };
                let (workspace_id, row_id, generation) = (value.workspace_id, value.row_id, value.generation);
                let place = Parts { workspace_id, column, row_id, generation };
                match vault.open_at(&place, &old).await {
                    Ok(plain) => {
                        let new = vault.seal_at(&place, &plain).await?;
                        batch.push(Swap { workspace_id, row_id, generation, old, new });
                    }
                    Err(error @ (Error::Sealed(_) | Error::KeyMissing(_))) => {
                        counts.fail(format!("{} of {}", column.name, whose(workspace_id)), &error);
                    }
                    Err(error) => return Err(error),
                }
            }
            if batch.is_empty() {
                continue;
            }
            let done = patiently(PATIENCE, || db.reseal(column.name, &batch)).await?;
            counts.resealed += done;
            counts.passed_over += batch.len() as i64 - done;
        }
    }
    Ok(())
}
