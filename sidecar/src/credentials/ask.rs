//! The call of a refresh: under the lease, and again at once where its answer was lost and that costs nothing.

use std::time::Duration;

use crier_core::error_class::ErrorClass;
use crier_core::refresh::Rotation;

use super::lease::Lease;
use crate::providers::{Caller, Failure, Provider};
use crate::refresh::Servers;
use crate::secrets::Session;

/// Before an answer that was lost is asked for again.
const PAUSE: Duration = Duration::from_secs(1);

/// Asks the platform. An answer that was lost is asked for again at once where the platform gives the same one. `None`: it was too
/// late under this lease, and nothing was sent.
pub(super) async fn ask(
    provider: &dyn Provider,
    caller: &Caller,
    lease: &Lease,
    servers: &Servers,
) -> Option<Result<Session, Failure>> {
    if !lease.has_time() {
        return None;
    }
    let first = send(provider, caller, servers).await;
    let lost = first.as_ref().is_err_and(|failure| failure.class == ErrorClass::OutcomeUnknown);
    if !lost || provider.rotation(&caller.session) == Rotation::Strict {
        return Some(first);
    }
    tokio::time::sleep(PAUSE).await;
    if !lease.has_time() {
        return Some(first);
    }
    Some(match send(provider, caller, servers).await {
        // What became of the first is as unclear as before.
        Err(failure) if failure.class != ErrorClass::AuthRevoked => {
            Err(Failure { class: ErrorClass::OutcomeUnknown, ..failure })
        }
        second => second,
    })
}

/// Sends it, and notes how the server answered.
async fn send(provider: &dyn Provider, caller: &Caller, servers: &Servers) -> Result<Session, Failure> {
    let call = servers.begin(&caller.account.base_url, provider.servers().is_empty());
    let answer = provider.refresh(caller).await;
    call.ended(&answer);
    answer
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use crier_core::platform::{Platform, bluesky, x};
    use secrecy::SecretString;
    use serde_json::Value;
    use tokio::time::{Instant, advance};

    use super::super::lease::LEASE;
    use super::*;
    use crate::providers::{Account, Found, Frozen, Lifetime, Login, Post, Published, Sought};

    /// Loses every answer, and takes its time.
    struct Losing {
        platform: &'static Platform,
        takes: Duration,
        calls: AtomicUsize,
    }

    impl Losing {
        fn on(platform: &'static Platform, takes: u64) -> Self {
            Self { platform, takes: Duration::from_secs(takes), calls: AtomicUsize::new(0) }
        }
    }

    #[async_trait]
    impl Provider for Losing {
        fn platform(&self) -> &'static Platform {
            self.platform
        }

        async fn refresh(&self, _: &Caller) -> Result<Session, Failure> {
            self.calls.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(self.takes).await;
            Err(Failure::new(ErrorClass::OutcomeUnknown, "lost"))
        }

        fn lifetime(&self, _: &Session) -> Lifetime {
            Lifetime::default()
        }

        fn default_base_url(&self) -> Option<&'static str> {
            unreachable!()
        }

        async fn login(&self, _: &str, _: &str, _: &SecretString) -> Result<Login, Failure> {
            unreachable!()
        }

        async fn prepare(&self, _: &Caller, _: &Post, _: &Value) -> Result<Option<Value>, Failure> {
            unreachable!()
        }

        fn draft(&self, _: &Post, _: &Value) -> Result<Frozen, Failure> {
            unreachable!()
        }

        async fn commit(&self, _: &Caller, _: &Post, _: &Frozen) -> Result<Published, Failure> {
            unreachable!()
        }

        async fn look(&self, _: &Account, _: Option<&Session>, _: Sought<'_>) -> Result<Found, Failure> {
            unreachable!()
        }

        async fn reach(&self, _: &str) -> Result<(), Failure> {
            unreachable!()
        }
    }

    fn caller() -> Caller {
        let account = Account {
            id: uuid::Uuid::nil(),
            external_id: "1".into(),
            handle: "a".into(),
            base_url: "https://a.example".into(),
            charges: Default::default(),
        };
        Caller { account, session: Session::new("a".into(), "r".into()) }
    }

    /// Asks so many seconds after the right was asked for; gives the number of calls, and whether it was in time.
    async fn asked(provider: Losing, after: u64) -> (usize, bool) {
        let lease = Lease::new(1, Instant::now());
        advance(Duration::from_secs(after)).await;
        let answer = ask(&provider, &caller(), &lease, &Servers::default()).await;
        (provider.calls.load(Ordering::SeqCst), answer.is_some())
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_sent_whose_answer_could_come_after_the_lease() {
        let late = LEASE.as_secs() - 99;
        for platform in [&x::PLATFORM, &bluesky::PLATFORM] {
            assert_eq!(asked(Losing::on(platform, 1), late).await, (0, false), "{}", platform.name);
            assert_eq!(asked(Losing::on(platform, 1), 10_000).await, (0, false), "{}", platform.name);
        }
        // the control: in time it is sent, and again where that costs nothing
        assert_eq!(asked(Losing::on(&x::PLATFORM, 1), 0).await, (1, true));
        assert_eq!(asked(Losing::on(&bluesky::PLATFORM, 1), 0).await, (2, true));
        assert_eq!(asked(Losing::on(&bluesky::PLATFORM, 30), 0).await, (2, true));
        // but not when the first took so long that the second one would be late
        assert_eq!(asked(Losing::on(&bluesky::PLATFORM, 30), 40).await, (1, true));
    }
}
