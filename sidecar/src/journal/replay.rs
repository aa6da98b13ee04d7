//! What was written down and not stored is stored, where it still follows what is there.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tracing::{error, info, warn};
use uuid::Uuid;

use super::record::Unread;
use super::{Entry, Journal, Record, Told, place};
use crate::db::{Db, patiently};
use crate::error::Error;
use crate::providers::since_1970;

/// The end of a token that lies further back is not taken for one; what ended while nobody was there has ended.
const LONG_AGO: Duration = Duration::from_secs(23 * 60 * 60);
/// How long the database may be away while somebody waits for one account's tokens.
const PATIENCE: Duration = Duration::from_secs(20);

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
                Outcome::Foreign | Outcome::Waiting(_) => replayed.kept += 1,
            }
        }
        let Replayed { stored, dropped, kept } = replayed;
        if stored + dropped > 0 {
            info!(stored, dropped, kept, "the journal of refreshes was replayed");
        }
        Ok(replayed)
    }

    /// Stores what is left of one account and generation. True: there was something, and the database has it or something newer.
    /// Fails where there is something that can't be stored now.
    pub(crate) async fn store_left(
        self: &Arc<Self>,
        db: &Db,
        account_id: Uuid,
        generation: i64,
    ) -> Result<bool, Error> {
        // one that can't be read is as good as none, and was told of at start
        let mut left = self.left().unwrap_or_default();
        let sought = (account_id.to_string(), generation);
        left.retain(|entry| place(&entry.path) == sought);
        if left.is_empty() {
            return Ok(false);
        }
        let databases = patiently(PATIENCE, || db.installation_ids()).await?;
        let mut is_stored = false;
        for entry in left {
            let path = entry.path.display().to_string();
            match entry.replay(db, &databases).await? {
                Outcome::Stored | Outcome::Dropped => is_stored = true,
                Outcome::Foreign => {}
                Outcome::Waiting(why) => {
                    let text = format!("new tokens of the account wait in the journal, in {path}: {why}");
                    return Err(Error::Refused(text));
                }
            }
        }
        Ok(is_stored)
    }
}

impl Record {
    /// Stores it; `false` if there is something newer.
    pub(crate) async fn store(&self, db: &Db) -> Result<bool, Error> {
        let now = SystemTime::now();
        let end = |at: Option<u64>| at.map(|at| since_1970(at).max(now - LONG_AGO));
        let (expires_at, refresh_expires_at) = (end(self.expires_at), end(self.refresh_expires_at));
        db.store_credential(
            self.account_id,
            self.generation,
            &self.sealed,
            expires_at,
            refresh_expires_at,
            None,
        )
        .await
    }
}

enum Outcome {
    Stored,
    Dropped,
    Foreign,
    /// And why.
    Waiting(String),
}

impl Entry {
    async fn replay(self, db: &Db, databases: &[String]) -> Result<Outcome, Error> {
        if self.is_settled() {
            return Ok(Outcome::Foreign);
        }
        let path = self.path.display().to_string();
        let bytes = match self.read() {
            Ok(bytes) => bytes,
            // another process has stored it
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Outcome::Dropped),
            Err(error) => {
                if self.is_news(Told::Unreadable) {
                    warn!(path, %error, "a record of the journal can't be read");
                }
                return Ok(Outcome::Waiting(format!("it can't be read: {error}")));
            }
        };
        let record = match Record::of(&bytes) {
            Ok(record) => record,
            Err(Unread::Newer(version)) => {
                if self.is_news(Told::Newer) {
                    warn!(
                        path,
                        version, "a record of the journal is of a newer version and is kept for that"
                    );
                }
                return Ok(Outcome::Waiting(format!("it is of version {version}; update crierd")));
            }
            Err(Unread::Torn) if self.is_young() => {
                return Ok(Outcome::Waiting("it is being written".into()));
            }
            Err(Unread::Torn) => {
                warn!(
                    path,
                    "a record of the journal was not written to its end and is set aside: the account of that id may need a new \
                     login"
                );
                self.set_aside();
                return Ok(Outcome::Dropped);
            }
        };
        let Record { account_id, generation, .. } = record;
        let Some(name) = databases.iter().position(|name| *name == record.database) else {
            if self.is_news(Told::Foreign) {
                warn!(
                    path, %account_id, database = record.database,
                    "a record of the journal is for another database and is kept; remove it if that is gone"
                );
            }
            return Ok(Outcome::Foreign);
        };
        match record.store(db).await {
            Ok(stored) => {
                if stored {
                    info!(%account_id, generation, "tokens of the journal were stored");
                }
                self.settle(name > 0);
                Ok(if stored { Outcome::Stored } else { Outcome::Dropped })
            }
            Err(error) if error.is_not_found() => {
                info!(%account_id, "the account of a record of the journal is gone");
                self.settle(name > 0);
                Ok(Outcome::Dropped)
            }
            Err(error) if error.is_callers() => {
                if self.is_news(Told::Refused) {
                    error!(path, %account_id, %error, "a record of the journal can't be stored");
                }
                Ok(Outcome::Waiting(error.to_string()))
            }
            Err(error) => Err(error),
        }
    }

    /// This database has it, or something newer. One that was written when it had another name is also its origin's, if that is still
    /// there, and stays for that.
    fn settle(self, under_a_former_name: bool) {
        if !under_a_former_name {
            return self.remove();
        }
        if self.is_news(Told::Settled) {
            let path = self.path.display().to_string();
            info!(
                path,
                "a record of the journal is also for the database that this one was copied from: remove it if that is gone"
            );
        }
        self.leave();
    }
}
