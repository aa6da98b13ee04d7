//! The tokens of accounts: opened, renewed in time, renewed by one only.
//!
//! A refresh token can often be used once. So a refresh runs in a task of its own, which neither a shutdown
//! nor a lost lease cancels; within the process one runs per account, and across sidecars the database
//! hands out the right to it (`begin_refresh`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use secrecy::ExposeSecret;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::db::{Db, StoredCredential, patiently, patiently_if};
use crate::error::Error;
use crate::providers::{Account, Caller, Failure, Lifetime, Provider};
use crate::secrets::{self, Place, Session, Vault};

/// How long the database may be away while a job reads.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long it may be away, or refuse, while new tokens wait to be stored.
const STORE_PATIENCE: Duration = Duration::from_secs(10 * 60);
/// How long the right to refresh lasts: longer than the call may take.
const REFRESH_LEASE: Duration = Duration::from_secs(60);
/// How often to look whether another sidecar has finished its refresh.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// No refresh is early by more than this, where it may also be late.
const MAX_EARLY: Duration = Duration::from_secs(5 * 60);

/// Reads and renews credentials.
pub(crate) struct Credentials {
    db: Db,
    vault: Arc<Vault>,
    turns: Mutex<HashMap<Uuid, Arc<tokio::sync::Mutex<()>>>>,
    refreshes: TaskTracker,
}

/// A session and its generation.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) generation: i64,
    pub(crate) session: Session,
}

impl Credentials {
    pub(crate) fn new(db: Db, vault: Arc<Vault>) -> Self {
        Self { db, vault, turns: Mutex::default(), refreshes: TaskTracker::new() }
    }

    /// The session of an account, renewed first if it is about to end.
    pub(crate) async fn fresh(
        self: &Arc<Self>,
        provider: &Arc<dyn Provider>,
        account: &Account,
    ) -> Result<Held, Failure> {
        let held = self.open(account.id, &self.stored(account.id).await?).await?;
        let lifetime = provider.lifetime(&held.session);
        let now = SystemTime::now();
        if held.session.refresh.expose_secret().is_empty() || !is_due(&lifetime, now) {
            return Ok(held);
        }
        match self.renew(provider, account, held.generation).await {
            // The old token still works: a refresh that failed for the moment holds up nothing.
            Err(failure) if failure.class != ErrorClass::AuthRevoked && lifetime.expires_at > Some(now) => {
                warn!(account_id = %account.id, class = %failure.class, "refresh failed, going on with the old token");
                Ok(held)
            }
            renewed => renewed,
        }
    }

    /// New tokens in the place of those of generation `used`.
    pub(crate) async fn renew(
        self: &Arc<Self>,
        provider: &Arc<dyn Provider>,
        account: &Account,
        used: i64,
    ) -> Result<Held, Failure> {
        let (this, provider, account) = (Arc::clone(self), Arc::clone(provider), account.clone());
        let refresh = async move { this.renew_in_turn(&provider, &account, used).await };
        self.refreshes
            .spawn(refresh)
            .await
            .unwrap_or_else(|_| Err(Failure::new(ErrorClass::Transient, "the refresh was interrupted")))
    }

    /// Waits for refreshes that are under way.
    pub(crate) async fn finish(&self) {
        self.refreshes.close();
        if !self.refreshes.is_empty() {
            info!(refreshes = self.refreshes.len(), "waiting until refreshed tokens are stored");
        }
        self.refreshes.wait().await;
    }

    async fn renew_in_turn(
        &self,
        provider: &Arc<dyn Provider>,
        account: &Account,
        used: i64,
    ) -> Result<Held, Failure> {
        let turn = self.turn(account.id);
        let renewed = {
            let _mine = turn.lock().await;
            self.renew_alone(provider, account, used).await
        };
        self.forget_turn(account.id, &turn);
        renewed
    }

    /// Refreshes, or waits until another sidecar has.
    async fn renew_alone(
        &self,
        provider: &Arc<dyn Provider>,
        account: &Account,
        used: i64,
    ) -> Result<Held, Failure> {
        let deadline = tokio::time::Instant::now() + REFRESH_LEASE + LOOK_AGAIN * 5;
        loop {
            let stored = self.stored(account.id).await?;
            if stored.generation != used {
                return self.open(account.id, &stored).await;
            }
            // Without a key to seal with, what a refresh buys could not be stored.
            self.vault.prepare(Some(stored.workspace_id)).await.map_err(sealed)?;
            let begun = patiently(PATIENCE, || self.db.begin_refresh(account.id, used, REFRESH_LEASE)).await;
            if let Some(token) = begun.map_err(database)? {
                return self.exchange(provider, account, &stored, token).await;
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
        provider: &Arc<dyn Provider>,
        account: &Account,
        stored: &StoredCredential,
        token: i64,
    ) -> Result<Held, Failure> {
        let old = self.open(account.id, stored).await?;
        let caller = Caller { account: account.clone(), session: old.session };
        match provider.refresh(&caller).await {
            Ok(session) => {
                let lifetime = provider.lifetime(&session);
                let held = Held { generation: stored.generation + 1, session };
                self.store(account, stored.workspace_id, held, lifetime).await
            }
            Err(failure) => self.refresh_failed(account, stored.generation, token, failure).await,
        }
    }

    async fn store(
        &self,
        account: &Account,
        workspace_id: Uuid,
        held: Held,
        lifetime: Lifetime,
    ) -> Result<Held, Failure> {
        let place = Place::Credential { workspace_id, account_id: account.id, generation: held.generation };
        let bytes = held.session.seal(&self.vault, place).await.map_err(sealed)?;
        let store = || {
            self.db.store_credential(
                account.id,
                held.generation,
                &bytes,
                lifetime.expires_at,
                lifetime.refresh_expires_at,
            )
        };
        // The old refresh token may be used up and these are nowhere else: all that may pass is waited for, also
        // a full disk or a server that only reads.
        match patiently_if(STORE_PATIENCE, |error| !error.is_callers(), store).await {
            Ok(true) => {
                info!(account_id = %account.id, generation = held.generation, "token refreshed");
                Ok(held)
            }
            Ok(false) => self.open(account.id, &self.stored(account.id).await?).await,
            Err(error) => {
                // This process still holds them, so that the post at hand goes out.
                error!(account_id = %account.id, %error, "refreshed tokens could not be stored");
                Ok(held)
            }
        }
    }

    /// A refused token only ends the account if nobody else has newer ones.
    async fn refresh_failed(
        &self,
        account: &Account,
        generation: i64,
        token: i64,
        failure: Failure,
    ) -> Result<Held, Failure> {
        let stored = self.stored(account.id).await?;
        if stored.generation != generation {
            return self.open(account.id, &stored).await;
        }
        warn!(account_id = %account.id, class = %failure.class, status = failure.status, code = failure.code, "refresh failed");
        let (class, details) = (failure.class.as_str(), failure.details());
        let told =
            patiently(PATIENCE, || self.db.fail_refresh(account.id, generation, token, class, &details))
                .await;
        if let Err(error) = told {
            warn!(account_id = %account.id, %error, "the failed refresh could not be recorded");
        }
        Err(failure)
    }

    async fn stored(&self, account_id: Uuid) -> Result<StoredCredential, Failure> {
        let stored = patiently(PATIENCE, || self.db.get_credential(account_id)).await.map_err(database)?;
        stored.ok_or_else(|| {
            Failure::new(
                ErrorClass::AuthRevoked,
                "the account has no credential: connect it with `crierd account add`",
            )
        })
    }

    async fn open(&self, account_id: Uuid, stored: &StoredCredential) -> Result<Held, Failure> {
        let (workspace_id, generation) = (stored.workspace_id, stored.generation);
        let place = Place::Credential { workspace_id, account_id, generation };
        let session = Session::open(&self.vault, place, &stored.sealed).await.map_err(sealed)?;
        Ok(Held { generation: stored.generation, session })
    }

    fn turn(&self, account_id: Uuid) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(account_id).or_default())
    }

    /// Two references, the map's and the caller's, mean that nobody waits.
    fn forget_turn(&self, account_id: Uuid, turn: &Arc<tokio::sync::Mutex<()>>) {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::strong_count(turn) <= 2 {
            turns.remove(&account_id);
        }
    }
}

/// Whether less than a quarter of the token's life is left, or less than five minutes, whichever is shorter. What buys
/// the next token may end with this one: then it is the quarter, because the account's next job may come too late.
fn is_due(lifetime: &Lifetime, now: SystemTime) -> bool {
    let Some(expires_at) = lifetime.expires_at else { return false };
    let life = lifetime.issued_at.and_then(|issued_at| expires_at.duration_since(issued_at).ok());
    let ends_for_good = lifetime.refresh_expires_at.is_some_and(|end| end <= expires_at);
    let most = if ends_for_good { Duration::MAX } else { MAX_EARLY };
    let early = life.map_or(MAX_EARLY, |life| (life / 4).min(most));
    expires_at.duration_since(now).unwrap_or_default() < early
}

fn database(error: Error) -> Failure {
    Failure::new(ErrorClass::Transient, error.to_string())
}

fn sealed(error: Error) -> Failure {
    secrets::failure(&error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    #[test]
    fn tokens_are_renewed_before_they_end() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let life = |seconds| Lifetime {
            issued_at: Some(at(1_000)),
            expires_at: Some(at(1_000 + seconds)),
            refresh_expires_at: None,
        };
        // two hours: five minutes early; four minutes: one minute early
        for (seconds, due_from) in [(7_200, 7_200 - 300), (240, 180), (4, 3)] {
            assert!(!is_due(&life(seconds), at(1_000 + due_from)), "{seconds}");
            assert!(is_due(&life(seconds), at(1_000 + due_from + 1)), "{seconds}");
            assert!(is_due(&life(seconds), at(1_000 + seconds * 2)), "{seconds}");
        }
        assert!(!is_due(&Lifetime::default(), at(1_000)));
        // sixty days that only the token itself prolongs: fifteen days early
        let days = |days: u64| days * 24 * 60 * 60;
        let lifetime = Lifetime { refresh_expires_at: Some(at(1_000 + days(60))), ..life(days(60)) };
        assert!(!is_due(&lifetime, at(1_000 + days(45))));
        assert!(is_due(&lifetime, at(1_001 + days(45))));
    }
}
