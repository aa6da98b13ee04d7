//! One refresh: the right to it, what was bought before, the call.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use crier_core::refresh::LAST_CALL;
use secrecy::ExposeSecret;
use tokio::time::Instant;
use tracing::{info, warn};
use uuid::Uuid;

use super::ask::ask;
use super::lease::{LEASE, Lease};
use super::{Credentials, Held, Occasion, PATIENCE, Renewal, database, sealed, waits};
use crate::db::{StoredCredential, patiently};
use crate::error::Error;
use crate::providers::{Account, Caller, Failure, Lifetime, Provider};
use crate::secrets::{DataKey, Session};

/// How often to look whether another sidecar has finished its refresh.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// When a refresh is tried again of which nothing could be sent.
const SOON: Duration = Duration::from_secs(60);

impl Credentials {
    /// Refreshes, or waits until another sidecar has.
    pub(super) async fn renew_alone(
        self: &Arc<Self>,
        occasion: Occasion,
        provider: &Arc<dyn Provider>,
        account: &Account,
        used: i64,
    ) -> Result<Renewal, Failure> {
        let deadline = Instant::now() + LEASE + LOOK_AGAIN * 5;
        loop {
            let mut asked = Instant::now();
            let begun = patiently(PATIENCE, || {
                asked = Instant::now();
                self.db.begin_refresh(account.id, used, LEASE)
            })
            .await;
            // Read under the lease, so that nobody changes it: also what was lost under an earlier one.
            let (begun, stored) = (begun.map_err(database)?, self.stored(account.id).await?);
            if let Some(token) = begun {
                let lease = Lease::new(token, asked);
                return self.exchange(occasion, provider, account, &stored, lease).await;
            }
            if stored.generation != used || occasion == Occasion::Ahead {
                return self.open(provider.as_ref(), account, &stored).await.map(Renewal::Found);
            }
            if Instant::now() > deadline {
                return Err(Failure::new(
                    ErrorClass::Transient,
                    "another sidecar has been refreshing for too long",
                ));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Buys new tokens and stores them, unless that was done and only the storing is left.
    async fn exchange(
        self: &Arc<Self>,
        occasion: Occasion,
        provider: &Arc<dyn Provider>,
        account: &Account,
        stored: &StoredCredential,
        lease: Lease,
    ) -> Result<Renewal, Failure> {
        let bought = match self.store_bought(account.id, stored.generation + 1).await {
            Ok(true) => self.stored(account.id).await.map(Some),
            Ok(false) => Ok(None),
            Err(error) => Err(database(error)),
        };
        let old = match bought {
            Ok(Some(newer)) if newer.generation != stored.generation => {
                return self.open(provider.as_ref(), account, &newer).await.map(Renewal::Found);
            }
            Ok(_) => self.open(provider.as_ref(), account, stored).await,
            Err(failure) => Err(failure),
        };
        let old = match old {
            Ok(old) => old,
            // A database, a journal or a key that is not there now: another sidecar may have it.
            Err(failure) if failure.class == ErrorClass::Transient => {
                self.defer(account.id, stored.generation, lease, Some(SystemTime::now() + SOON)).await;
                return Err(failure);
            }
            Err(failure) => {
                return self.refresh_failed(provider.as_ref(), account, stored, lease, failure).await;
            }
        };
        let lifetime = provider.lifetime(&old.session);
        if let Some(until) = better_time(occasion, provider.as_ref(), &old.session, &lifetime, stored) {
            info!(account_id = %account.id, "the refresh is put off, the token is good until then");
            self.defer(account.id, stored.generation, lease, Some(until)).await;
            return Ok(Renewal::PutOff(old));
        }
        let key = match self.prepare(stored.workspace_id).await {
            Ok(key) => key,
            Err(failure) => {
                self.defer(account.id, stored.generation, lease, Some(SystemTime::now() + SOON)).await;
                return Err(failure);
            }
        };
        // Nobody waits for it, and the next process can do it.
        if occasion == Occasion::Ahead && self.shutdown.begun() {
            self.defer(account.id, stored.generation, lease, Some(SystemTime::now())).await;
            return Ok(Renewal::PutOff(old));
        }
        let caller = Caller { account: account.clone(), session: old.session };
        match ask(provider.as_ref(), &caller, &lease, &self.servers).await {
            Some(Ok(session)) => {
                let session = caller.session.renewed(session);
                let held = Held { generation: stored.generation + 1, session };
                self.store(provider.as_ref(), account, stored.workspace_id, &key, held).await
            }
            Some(Err(failure)) => {
                self.refresh_failed(provider.as_ref(), account, stored, lease, failure).await
            }
            None => {
                self.defer(account.id, stored.generation, lease, Some(SystemTime::now() + SOON)).await;
                let message =
                    "the database took so long that the right to refresh would have ended during the call";
                Err(Failure::new(ErrorClass::Transient, message))
            }
        }
    }

    /// What is needed to keep what will be bought, before anything is sent: what can't be written down then must not fail for want of
    /// a name or of a key.
    async fn prepare(&self, workspace_id: Uuid) -> Result<Arc<DataKey>, Failure> {
        self.database().await.map_err(database)?;
        self.vault.prepare(Some(workspace_id)).await.map_err(sealed)
    }

    /// What the journal calls the database.
    pub(super) async fn database(&self) -> Result<&str, Error> {
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

    async fn defer(&self, account_id: Uuid, generation: i64, lease: Lease, until: Option<SystemTime>) {
        let told =
            patiently(PATIENCE, || self.db.defer_refresh(account_id, generation, lease.token, until)).await;
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
        lease: Lease,
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
            self.db.fail_refresh(account.id, generation, lease.token, class, &details, failure.retry_at)
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
