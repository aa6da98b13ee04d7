//! What was written down and not stored is stored, where it still follows what is there.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tracing::{error, info, warn};

use super::{Entry, Journal, Record};
use crate::db::Db;
use crate::error::Error;
use crate::providers::since_1970;

/// The end of a token that lies further back is not taken for one; what ended while nobody was there has ended.
const LONG_AGO: Duration = Duration::from_secs(23 * 60 * 60);

/// What a replay did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Replayed {
    /// Tokens that are in the database only now.
    pub(crate) stored: usize,
    /// Records that it had, or something newer, or no account for.
    pub(crate) dropped: usize,
    /// Records of another database, and what could not be stored.
    pub(crate) kept: usize,
}

impl Journal {
    /// Stores what is left. Fails where the database can't be asked: nothing that was not stored is lost by that.
    pub(crate) async fn replay(self: &Arc<Self>, db: &Db) -> Result<Replayed, Error> {
        let mut replayed = Replayed::default();
        let left = self.left()?;
        if left.is_empty() {
            return Ok(replayed);
        }
        // none: a copy that nobody has adopted takes nothing
        let databases = db.installation_ids().await?;
        for entry in left {
            match entry.replay(db, &databases).await? {
                Outcome::Stored => replayed.stored += 1,
                Outcome::Dropped => replayed.dropped += 1,
                Outcome::Kept => replayed.kept += 1,
            }
        }
        let Replayed { stored, dropped, kept } = replayed;
        info!(stored, dropped, kept, "the journal of refreshes was replayed");
        Ok(replayed)
    }
}

enum Outcome {
    Stored,
    Dropped,
    Kept,
}

impl Entry {
    async fn replay(self, db: &Db, databases: &[String]) -> Result<Outcome, Error> {
        let path = self.path.display().to_string();
        let bytes = match self.read() {
            Ok(bytes) => bytes,
            // another process has stored it
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Outcome::Dropped),
            Err(error) => {
                warn!(path, %error, "a record of the journal can't be read");
                return Ok(Outcome::Kept);
            }
        };
        let Some(record) = Record::of(&bytes) else {
            if self.is_young() {
                return Ok(Outcome::Kept);
            }
            warn!(
                path,
                "a record of the journal was not written to its end: the account of that id may need a new login"
            );
            self.remove();
            return Ok(Outcome::Dropped);
        };
        let Record { account_id, generation, .. } = record;
        if !databases.contains(&record.database) {
            warn!(
                path, %account_id, database = record.database,
                "a record of the journal is for another database and is kept; remove it if that is gone"
            );
            return Ok(Outcome::Kept);
        }
        let now = SystemTime::now();
        let end = |at: Option<u64>| at.map(|at| since_1970(at).max(now - LONG_AGO));
        let (expires_at, refresh_expires_at) = (end(record.expires_at), end(record.refresh_expires_at));
        let stored =
            db.store_credential(account_id, generation, &record.sealed, expires_at, refresh_expires_at, None);
        match stored.await {
            Ok(true) => {
                info!(%account_id, generation, "tokens of the journal were stored");
                self.remove();
                Ok(Outcome::Stored)
            }
            Ok(false) => {
                self.remove();
                Ok(Outcome::Dropped)
            }
            Err(error) if error.is_not_found() => {
                info!(%account_id, "the account of a record of the journal is gone");
                self.remove();
                Ok(Outcome::Dropped)
            }
            Err(error) if error.is_callers() => {
                error!(path, %account_id, %error, "a record of the journal can't be stored");
                Ok(Outcome::Kept)
            }
            Err(error) => Err(error),
        }
    }
}
