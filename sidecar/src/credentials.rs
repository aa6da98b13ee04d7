//! The tokens of accounts: opened, renewed in time, renewed by one only.
//!
//! A refresh token can often be used once. So a refresh runs in a task of its own, which neither a shutdown
//! nor a lost lease cancels; within the process one runs per account, and across sidecars the database
//! hands out the right to it (`begin_refresh`).

mod ask;
mod exchange;
mod home;
mod lease;
mod store;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use secrecy::ExposeSecret;
use tokio::sync::OnceCell;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, info, warn};
use uuid::Uuid;

use crate::db::{Db, StoredCredential, patiently};
use crate::error::Error;
use crate::journal::{Journal, Record};
use crate::providers::{Account, Failure, Lifetime, Provider};
use crate::refresh::Servers;
use crate::secrets::{self, Opened, Place, Session, Vault};
use crate::shutdown::Shutdown;

pub(crate) use home::may_be_on;

/// How long the database may be away while a job reads.
const PATIENCE: Duration = Duration::from_secs(60);
/// No refresh is early by more than this, where it may also be late.
const MAX_EARLY: Duration = Duration::from_secs(5 * 60);

/// Reads and renews credentials.
pub(crate) struct Credentials {
    db: Db,
    vault: Arc<Vault>,
    /// Where new tokens are written down first; none where that is not possible.
    journal: Option<Arc<Journal>>,
    /// What the journal calls the database.
    database: OnceCell<String>,
    turns: Mutex<HashMap<Uuid, Arc<tokio::sync::Mutex<()>>>>,
    /// New tokens that nothing but this process has, by account.
    bought: Mutex<HashMap<Uuid, Arc<Record>>>,
    refreshes: TaskTracker,
    /// How servers answer to refreshes.
    pub(crate) servers: Servers,
    shutdown: Shutdown,
}

/// A session and its generation.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) generation: i64,
    pub(crate) session: Session,
}

/// Why tokens are renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Occasion {
    /// The platform refused the access token: nothing can be lost.
    Refused,
    /// A job needs them, and they are about to end.
    Needed,
    /// Nobody needs them yet.
    Ahead,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Renewal {
    /// These are new.
    Bought(Held),
    /// Somebody else has renewed them, or is about to.
    Found(Held),
    /// Later is better, and these are good until then.
    PutOff(Held),
}

impl Renewal {
    fn held(self) -> Held {
        match self {
            Self::Bought(held) | Self::Found(held) | Self::PutOff(held) => held,
        }
    }
}

impl Credentials {
    pub(crate) fn new(db: Db, vault: Arc<Vault>, journal: Option<Arc<Journal>>, shutdown: Shutdown) -> Self {
        let (turns, bought) = (Mutex::default(), Mutex::default());
        let (database, refreshes, servers) = (OnceCell::new(), TaskTracker::new(), Servers::default());
        Self { db, vault, journal, database, turns, bought, refreshes, servers, shutdown }
    }

    /// The session of an account, renewed first if it is about to end.
    pub(crate) async fn fresh(
        self: &Arc<Self>,
        provider: &Arc<dyn Provider>,
        account: &Account,
    ) -> Result<Held, Failure> {
        let stored = self.stored(account.id).await?;
        let held = self.open(provider.as_ref(), account, &stored).await?;
        let lifetime = provider.lifetime(&held.session);
        let now = SystemTime::now();
        if held.session.refresh.expose_secret().is_empty()
            || !is_due(&lifetime, now)
            || waits(provider.as_ref(), &held.session, &stored)
        {
            return Ok(held);
        }
        match self.renew_on(Occasion::Needed, provider, account, held.generation).await {
            // The old token still works: a refresh that failed for the moment holds up nothing.
            Err(failure) if failure.class != ErrorClass::AuthRevoked && lifetime.expires_at > Some(now) => {
                warn!(account_id = %account.id, class = %failure.class, "refresh failed, going on with the old token");
                Ok(held)
            }
            renewed => renewed.map(Renewal::held),
        }
    }

    /// New tokens in the place of those of generation `used`, which the platform has refused.
    pub(crate) async fn renew(
        self: &Arc<Self>,
        provider: &Arc<dyn Provider>,
        account: &Account,
        used: i64,
    ) -> Result<Held, Failure> {
        self.renew_on(Occasion::Refused, provider, account, used).await.map(Renewal::held)
    }

    /// The same ahead of need.
    pub(crate) async fn renew_ahead(
        self: &Arc<Self>,
        provider: &Arc<dyn Provider>,
        account: &Account,
        used: i64,
    ) -> Result<Renewal, Failure> {
        self.renew_on(Occasion::Ahead, provider, account, used).await
    }

    async fn renew_on(
        self: &Arc<Self>,
        occasion: Occasion,
        provider: &Arc<dyn Provider>,
        account: &Account,
        used: i64,
    ) -> Result<Renewal, Failure> {
        let (this, provider, account) = (Arc::clone(self), Arc::clone(provider), account.clone());
        let refresh = async move { this.renew_in_turn(occasion, &provider, &account, used).await };
        self.refreshes
            .spawn(refresh.in_current_span())
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
        self: &Arc<Self>,
        occasion: Occasion,
        provider: &Arc<dyn Provider>,
        account: &Account,
        used: i64,
    ) -> Result<Renewal, Failure> {
        let turn = self.turn(account.id);
        let renewed = {
            let _mine = turn.lock().await;
            self.renew_alone(occasion, provider, account, used).await
        };
        self.forget_turn(account.id, &turn);
        renewed
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

    /// The tokens, for the server that they were made for and for no other.
    async fn open(
        &self,
        provider: &dyn Provider,
        account: &Account,
        stored: &StoredCredential,
    ) -> Result<Held, Failure> {
        let (workspace_id, generation) = (stored.workspace_id, stored.generation);
        let place = Place::Credential { workspace_id, account_id: account.id, generation };
        let opened = Session::open(&self.vault, place, &stored.sealed).await.map_err(sealed)?;
        let Opened { session, server } = opened;
        home::may_be_sent(provider, &account.base_url, server.as_deref())?;
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

/// Whether the answer to an earlier refresh was lost and another one could cost the grant now.
fn waits(provider: &dyn Provider, session: &Session, stored: &StoredCredential) -> bool {
    stored.refresh_unclear_for.is_some_and(|seconds| {
        let since = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let left = left(&provider.lifetime(session), SystemTime::now());
        !provider.rotation(session).may_try_again(since, left)
    })
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

/// What is left of an access token.
fn left(lifetime: &Lifetime, now: SystemTime) -> Option<Duration> {
    lifetime.expires_at.map(|end| end.duration_since(now).unwrap_or_default())
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
