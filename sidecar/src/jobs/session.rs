//! Calls as an account, with a session that is renewed when it ends.

use std::sync::Arc;
use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use tokio::sync::Mutex;

use super::Environment;
use crate::credentials::Held;
use crate::db::Actor;
use crate::providers::{Account, Caller, Failure, Provider, Scope};

/// An account and its session, which is opened when it is needed first.
pub(super) struct AccountSession<'a> {
    environment: &'a Environment,
    provider: Arc<dyn Provider>,
    account: Account,
    held: Mutex<Option<Held>>,
}

impl<'a> AccountSession<'a> {
    pub(super) fn new(environment: &'a Environment, provider: &Arc<dyn Provider>, account: &Account) -> Self {
        Self { environment, provider: Arc::clone(provider), account: account.clone(), held: Mutex::new(None) }
    }

    /// The same with a session at hand.
    #[cfg(test)]
    pub(super) fn with(self, held: Held) -> Self {
        Self { held: Mutex::new(Some(held)), ..self }
    }

    /// The provider and the session of an account that is to do something now; a failure if it can't.
    pub(super) async fn open(
        environment: &'a Environment,
        actor: &Actor,
    ) -> Result<(Arc<dyn Provider>, Self), Failure> {
        let provider = environment.providers.get(&actor.platform).ok_or_else(|| {
            let message = format!("this crierd has no provider for {}", actor.platform);
            Failure::new(ErrorClass::Unsupported, message)
        })?;
        if actor.status != "active" {
            return Err(not_active(&actor.status));
        }
        actor.account.charges.begin(provider.platform());
        let session = Self::new(environment, provider, &actor.account);
        session.held().await?;
        Ok((Arc::clone(provider), session))
    }

    /// Calls with the account's session. A session that has ended is renewed once and the call repeated once.
    pub(super) async fn as_caller<T, F>(&self, call: impl Fn(Caller) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let held = self.held().await?;
        let generation = held.generation;
        match call(self.caller(held)).await {
            Err(failure) if ends_session(&failure) => {
                let held = self.renewed(generation).await?;
                call(self.caller(held)).await
            }
            result => result,
        }
    }

    pub(super) async fn renewed(&self, generation: i64) -> Result<Held, Failure> {
        let held = self.environment.credentials.renew(&self.provider, &self.account, generation).await?;
        *self.held.lock().await = Some(held.clone());
        Ok(held)
    }

    pub(super) async fn held(&self) -> Result<Held, Failure> {
        let mut session = self.held.lock().await;
        if let Some(held) = &*session {
            return Ok(held.clone());
        }
        let held = self.environment.credentials.fresh(&self.provider, &self.account).await?;
        *session = Some(held.clone());
        Ok(held)
    }

    pub(super) fn caller(&self, held: Held) -> Caller {
        Caller { account: self.account.clone(), session: held.session }
    }
}

/// Whether a call was refused for its session. Also where the grant is said to be gone: the refusal of the refresh that
/// follows is what ends the account, and tells its owner.
pub(super) fn ends_session(failure: &Failure) -> bool {
    matches!(failure.class, ErrorClass::AuthExpired | ErrorClass::AuthRevoked)
}

/// Why an account does nothing. One that rests does so until its job is handed out again: after somebody has resumed it.
pub(super) fn not_active(status: &str) -> Failure {
    if status == "paused" {
        let failure = Failure::new(ErrorClass::RateLimited, "the account is paused");
        return Failure { scope: Some(Scope::Job), retry_at: Some(SystemTime::now()), ..failure };
    }
    let message = "the account is not active: connect it again with `crierd account add`";
    Failure::new(ErrorClass::AuthRevoked, message)
}
