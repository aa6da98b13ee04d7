//! What was bought is stored, however long that takes: written down first, and kept in memory where that can't be done. The old
//! refresh token may be used up, so nobody asks for an account whose new tokens wait.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::{Instrument, error, info, warn};
use uuid::Uuid;

use super::{Credentials, Held, PATIENCE, Renewal, sealed};
use crate::backoff::Backoff;
use crate::db::{patiently, patiently_if};
use crate::error::Error;
use crate::journal::{Entry, Record};
use crate::providers::{Account, Failure, Provider, seconds_since_1970};
use crate::secrets::{DataKey, Place};

/// How long whoever waits for new tokens waits until they are stored. Then they are used, and stored later.
const STORE_PATIENCE: Duration = Duration::from_secs(20);
/// How long it is still tried once the process is to end, where the journal has them.
const LAST_TRIES: Duration = Duration::from_secs(5);
/// And where nothing but this process has them.
const LAST_TRIES_IN_MEMORY: Duration = Duration::from_secs(10 * 60);

impl Credentials {
    /// Stores new tokens; they are the account's from now on, stored or not.
    pub(super) async fn store(
        self: &Arc<Self>,
        provider: &dyn Provider,
        account: &Account,
        workspace_id: Uuid,
        key: &DataKey,
        held: Held,
    ) -> Result<Renewal, Failure> {
        let lifetime = provider.lifetime(&held.session);
        let place = Place::Credential { workspace_id, account_id: account.id, generation: held.generation };
        let record = Record {
            // asked for before the call
            database: self.database().await.unwrap_or_default().to_owned(),
            workspace_id,
            account_id: account.id,
            generation: held.generation,
            sealed: held.session.seal_with(key, place, &account.base_url).map_err(sealed)?,
            expires_at: lifetime.expires_at.map(seconds_since_1970),
            refresh_expires_at: lifetime.refresh_expires_at.map(seconds_since_1970),
        };
        let entry = self.write_down(&record).await;
        // All that may pass is waited for, also a full disk or a server that only reads. What is in the journal need not keep the
        // process from its end.
        let storing = patiently_if(STORE_PATIENCE, |error| !error.is_callers(), || record.store(&self.db));
        let stored = tokio::select! {
            stored = storing => stored,
            () = self.given_up(LAST_TRIES), if entry.is_some() => Err(Error::Unavailable("the process ends".into())),
        };
        match stored {
            Ok(true) => {
                info!(account_id = %account.id, generation = held.generation, "token refreshed");
                entry.into_iter().for_each(Entry::remove);
                Ok(Renewal::Bought(held))
            }
            Ok(false) => {
                entry.into_iter().for_each(Entry::remove);
                let stored = self.stored(account.id).await?;
                self.open(provider, account, &stored).await.map(Renewal::Found)
            }
            Err(error) => {
                // This process still holds them, so that the post at hand goes out.
                match entry {
                    Some(entry) => {
                        warn!(account_id = %account.id, %error, "refreshed tokens wait in the journal");
                        entry.leave();
                    }
                    None => {
                        error!(account_id = %account.id, %error, "refreshed tokens can't be stored now and are in memory only");
                        self.keep_trying(record);
                    }
                }
                Ok(Renewal::Bought(held))
            }
        }
    }

    /// Stores what was bought for an account as this generation and is not in the database yet. True: there was something, and the
    /// database has it or something newer. Fails where there is something that can't be stored now.
    pub(super) async fn store_bought(&self, account_id: Uuid, generation: i64) -> Result<bool, Error> {
        let in_memory =
            self.bought().get(&account_id).filter(|record| record.generation == generation).cloned();
        if let Some(record) = in_memory {
            patiently(PATIENCE, || record.store(&self.db)).await?;
            self.forget(&record);
            return Ok(true);
        }
        let Some(journal) = &self.journal else { return Ok(false) };
        journal.store_left(&self.db, account_id, generation).await
    }

    /// Goes on in the background with what nothing but this process has.
    fn keep_trying(self: &Arc<Self>, record: Record) {
        let (this, record) = (Arc::clone(self), Arc::new(record));
        self.bought().insert(record.account_id, Arc::clone(&record));
        let store = async move {
            let account_id = record.account_id;
            tokio::select! {
                () = this.store_at_last(&record) => {}
                () = this.given_up(LAST_TRIES_IN_MEMORY) => {
                    error!(%account_id, "the process ends, and refreshed tokens are lost: the account may need a new login");
                }
            }
            this.forget(&record);
        };
        self.refreshes.spawn(store.in_current_span());
    }

    async fn store_at_last(&self, record: &Record) {
        let (account_id, generation) = (record.account_id, record.generation);
        let mut backoff = Backoff::database();
        loop {
            match record.store(&self.db).await {
                Ok(stored) => {
                    return info!(%account_id, generation, stored, "refreshed tokens are in the database");
                }
                Err(error) if error.is_not_found() => {
                    return info!(%account_id, "the account of refreshed tokens is gone");
                }
                // Each has been said once.
                Err(_) => tokio::time::sleep(backoff.next()).await,
            }
        }
    }

    /// Writes new tokens into the journal, if there is one. Where that fails, the database alone has to take them.
    async fn write_down(&self, record: &Record) -> Option<Entry> {
        let (journal, record) = (Arc::clone(self.journal.as_ref()?), record.clone());
        if record.database.is_empty() {
            return None;
        }
        let account_id = record.account_id;
        let written = tokio::task::spawn_blocking(move || journal.write(&record)).await;
        match written {
            Ok(Ok(entry)) => Some(entry),
            Ok(Err(error)) => {
                error!(%account_id, %error, "refreshed tokens could not be written to the journal");
                None
            }
            Err(error) => {
                error!(%account_id, %error, "the writing of the journal was interrupted");
                None
            }
        }
    }

    /// Waits until the process has tried long enough after it was told to end.
    async fn given_up(&self, last_tries: Duration) {
        self.shutdown.wait().await;
        tokio::time::sleep(last_tries).await;
    }

    fn forget(&self, record: &Record) {
        let mut bought = self.bought();
        if bought.get(&record.account_id).is_some_and(|kept| kept.generation == record.generation) {
            bought.remove(&record.account_id);
        }
    }

    fn bought(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Record>>> {
        self.bought.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
