//! One refresh: the right to it, the call, the journal, the database.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use crier_core::refresh::{LAST_CALL, Rotation};
use secrecy::ExposeSecret;
use tracing::{error, info, warn};
use uuid::Uuid;

use super::{Credentials, Held, Occasion, PATIENCE, Renewal, database, sealed, waits};
use crate::db::{StoredCredential, patiently, patiently_if};
use crate::error::Error;
use crate::journal::{Entry, Record};
use crate::providers::{Account, Caller, Failure, Lifetime, Provider, seconds_since_1970};
use crate::secrets::Session;

/// How long the database may be away, or refuse, while new tokens wait to be stored.
const STORE_PATIENCE: Duration = Duration::from_secs(10 * 60);
/// How long it is still tried once the process is to end, where the journal has them.
const LAST_TRIES: Duration = Duration::from_secs(5);
/// How long the right to refresh lasts: longer than two calls and the pause between them may take.
const REFRESH_LEASE: Duration = Duration::from_secs(90);
/// How often to look whether another sidecar has finished its refresh.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// When a refresh is tried again of which nothing could be sent.
const SOON: Duration = Duration::from_secs(60);

impl Credentials {
    /// Refreshes, or waits until another sidecar has.
    pub(super) async fn renew_alone(
        &self,
        occasion: Occasion,
        provider: &Arc<dyn Provider>,
        account: &Account,
        used: i64,
    ) -> Result<Renewal, Failure> {
        let deadline = tokio::time::Instant::now() + REFRESH_LEASE + LOOK_AGAIN * 5;
        loop {
            let begun = patiently(PATIENCE, || self.db.begin_refresh(account.id, used, REFRESH_LEASE)).await;
            // Read under the lease, so that nobody changes it: also what was lost under an earlier one.
            let (begun, stored) = (begun.map_err(database)?, self.stored(account.id).await?);
            if let Some(token) = begun {
                return self.exchange(occasion, provider, account, &stored, token).await;
            }
            if stored.generation != used || occasion == Occasion::Ahead {
                return self.open(provider.as_ref(), account, &stored).await.map(Renewal::Found);
            }
            if tokio::time::Instant::now() > deadline {
                return Err(Failure::new(
                    ErrorClass::Transient,
                    "another sidecar has been refreshing for too long",
                ));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Buys new tokens and stores them.
    async fn exchange(
        &self,
        occasion: Occasion,
        provider: &Arc<dyn Provider>,
        account: &Account,
        stored: &StoredCredential,
        token: i64,
    ) -> Result<Renewal, Failure> {
        let old = match self.open(provider.as_ref(), account, stored).await {
            Ok(old) => old,
            Err(failure) => {
                return self.refresh_failed(provider.as_ref(), account, stored, token, failure).await;
            }
        };
        let lifetime = provider.lifetime(&old.session);
        if let Some(until) = better_time(occasion, provider.as_ref(), &old.session, &lifetime, stored) {
            info!(account_id = %account.id, "the refresh is put off, the token is good until then");
            self.defer(account.id, stored.generation, token, Some(until)).await;
            return Ok(Renewal::PutOff(old));
        }
        // Before anything is sent: what can't be written down then must not fail for want of a name.
        if let Err(error) = self.database().await {
            self.defer(account.id, stored.generation, token, Some(SystemTime::now() + SOON)).await;
            return Err(database(error));
        }
        // Nor for want of a key.
        if let Err(error) = self.vault.prepare(Some(stored.workspace_id)).await {
            self.defer(account.id, stored.generation, token, Some(SystemTime::now() + SOON)).await;
            return Err(sealed(error));
        }
        let caller = Caller { account: account.clone(), session: old.session };
        match ask(provider.as_ref(), &caller).await {
            Ok(session) => {
                let session = caller.session.renewed(session);
                let lifetime = provider.lifetime(&session);
                let held = Held { generation: stored.generation + 1, session };
                self.store(provider.as_ref(), account, stored.workspace_id, held, lifetime).await
            }
            Err(failure) => self.refresh_failed(provider.as_ref(), account, stored, token, failure).await,
        }
    }

    /// What the journal calls the database.
    async fn database(&self) -> Result<&str, Error> {
        if self.journal.is_none() {
            return Ok("");
        }
        let ask = async || {
            let ids = patiently(PATIENCE, || self.db.installation_ids()).await?;
            ids.into_iter().next().ok_or_else(|| {
                Error::Refused("the database is a copy that nobody has adopted: nothing is refreshed".into())
            })
        };
        self.database.get_or_try_init(ask).await.map(String::as_str)
    }

    async fn store(
        &self,
        provider: &dyn Provider,
        account: &Account,
        workspace_id: Uuid,
        held: Held,
        lifetime: Lifetime,
    ) -> Result<Renewal, Failure> {
        let bytes = self.seal(account, workspace_id, &held).await?;
        let entry = self.write_down(account.id, workspace_id, held.generation, &bytes, &lifetime).await;
        let store = || {
            self.db.store_credential(
                account.id,
                held.generation,
                &bytes,
                lifetime.expires_at,
                lifetime.refresh_expires_at,
                None,
            )
        };
        // The old refresh token may be used up: all that may pass is waited for, also a full disk or a server that only
        // reads. What is in the journal need not keep the process from its end.
        let storing = patiently_if(STORE_PATIENCE, |error| !error.is_callers(), store);
        let stored = tokio::select! {
            stored = storing => stored,
            () = self.given_up(), if entry.is_some() => Err(Error::Unavailable("the process ends".into())),
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
                    None => error!(account_id = %account.id, %error, "refreshed tokens could not be stored"),
                }
                Ok(Renewal::Bought(held))
            }
        }
    }

    /// Writes new tokens into the journal, if there is one. Where that fails, the database alone has to take them.
    async fn write_down(
        &self,
        account_id: Uuid,
        workspace_id: Uuid,
        generation: i64,
        sealed: &[u8],
        lifetime: &Lifetime,
    ) -> Option<Entry> {
        let journal = Arc::clone(self.journal.as_ref()?);
        let record = Record {
            // asked for before the call
            database: self.database().await.ok()?.to_owned(),
            workspace_id,
            account_id,
            generation,
            sealed: sealed.to_vec(),
            expires_at: lifetime.expires_at.map(seconds_since_1970),
            refresh_expires_at: lifetime.refresh_expires_at.map(seconds_since_1970),
        };
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
    async fn given_up(&self) {
        self.shutdown.wait().await;
        tokio::time::sleep(LAST_TRIES).await;
    }

    async fn defer(&self, account_id: Uuid, generation: i64, token: i64, until: Option<SystemTime>) {
        let told = patiently(PATIENCE, || self.db.defer_refresh(account_id, generation, token, until)).await;
        if let Err(error) = told {
            // Its lease runs out by itself; then it counts as one whose answer was lost.
            warn!(%account_id, %error, "a refresh could not be put off");
        }
    }

    /// A refused token only ends the account if nobody else has newer ones.
    async fn refresh_failed(
        &self,
        provider: &dyn Provider,
        account: &Account,
        refreshed: &StoredCredential,
        token: i64,
        mut failure: Failure,
    ) -> Result<Renewal, Failure> {
        let stored = self.stored(account.id).await?;
        if stored.generation != refreshed.generation {
            return self.open(provider, account, &stored).await.map(Renewal::Found);
        }
        if failure.class == ErrorClass::AuthRevoked && refreshed.refresh_unclear_for.is_some() {
            let lost = "the answer to an earlier refresh was lost, and the platform takes a refresh token once: \
                        connect the account again";
            failure.message = format!("{} ({lost})", failure.message);
        }
        warn!(account_id = %account.id, class = %failure.class, status = failure.status, code = failure.code, "refresh failed");
        let (class, details, generation) = (failure.class.as_str(), failure.details(), stored.generation);
        let told = patiently(PATIENCE, || {
            self.db.fail_refresh(account.id, generation, token, class, &details, failure.retry_at)
        });
        if let Err(error) = told.await {
            warn!(account_id = %account.id, %error, "the failed refresh could not be recorded");
        }
        // Nothing was published by that: whoever waits for the tokens may try again.
        if failure.class == ErrorClass::OutcomeUnknown {
            failure.class = ErrorClass::Transient;
        }
        Err(failure)
    }
}

/// When a refresh that nobody needs now is better tried: `None`, now.
fn better_time(
    occasion: Occasion,
    provider: &dyn Provider,
    session: &Session,
    lifetime: &Lifetime,
    stored: &StoredCredential,
) -> Option<SystemTime> {
    let end = lifetime.expires_at.filter(|end| *end > SystemTime::now() && occasion != Occasion::Refused)?;
    if session.refresh.expose_secret().is_empty() {
        // Nothing buys the next one. That is said when this one has ended, not before.
        return Some(end);
    }
    waits(provider, session, stored).then(|| end - LAST_CALL)
}

/// Asks the platform. An answer that was lost is asked for again at once where the platform gives the same one.
async fn ask(provider: &dyn Provider, caller: &Caller) -> Result<Session, Failure> {
    let first = provider.refresh(caller).await;
    let lost = first.as_ref().is_err_and(|failure| failure.class == ErrorClass::OutcomeUnknown);
    if !lost || provider.rotation(&caller.session) == Rotation::Strict {
        return first;
    }
    tokio::time::sleep(LOOK_AGAIN).await;
    match provider.refresh(caller).await {
        // What became of the first is as unclear as before.
        Err(failure) if failure.class != ErrorClass::AuthRevoked => {
            Err(Failure { class: ErrorClass::OutcomeUnknown, ..failure })
        }
        second => second,
    }
}
