//! Servers that are left alone for a while: those that asked for it, and those that don't answer, so that one that is down does
//! not hold up the accounts of others.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crier_core::error_class::ErrorClass;

use crate::providers::Failure;

/// After so many refreshes in a row that failed for no reason of their own, a server is left alone.
const FAILURES: u32 = 3;
/// For so long.
const REST: Duration = Duration::from_secs(2 * 60);
/// No longer, whatever it asks for: each account has its own time to be tried again.
const MAX_REST: Duration = Duration::from_secs(15 * 60);

/// What is known of servers, by their addresses. Those that work are not in it.
#[derive(Debug, Default)]
pub(super) struct Servers(Mutex<HashMap<String, State>>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    until: Option<Instant>,
}

impl Servers {
    pub(super) fn may_be_asked(&self, server: &str) -> bool {
        let states = self.states();
        states.get(server).and_then(|state| state.until).is_none_or(|until| until <= Instant::now())
    }

    /// Notes how it answered.
    pub(super) fn note(&self, server: &str, failure: Option<&Failure>) {
        let mut states = self.states();
        let rest = match failure {
            Some(failure) => match failure.class {
                ErrorClass::RateLimited | ErrorClass::QuotaExhausted => {
                    let asked = failure.retry_at.and_then(|at| at.duration_since(SystemTime::now()).ok());
                    Some(asked.unwrap_or(REST).min(MAX_REST))
                }
                ErrorClass::Transient | ErrorClass::OutcomeUnknown => {
                    let state = states.entry(server.to_owned()).or_default();
                    state.failures += 1;
                    if state.failures < FAILURES {
                        return;
                    }
                    Some(REST)
                }
                // It answers; what is wrong is the account's matter, or ours.
                _ => None,
            },
            None => None,
        };
        match rest {
            // the first refresh after the rest tells anew
            Some(rest) => {
                let until = Some(Instant::now() + rest);
                states.insert(server.to_owned(), State { failures: FAILURES - 1, until });
            }
            None => {
                states.remove(server);
            }
        }
    }

    fn states(&self) -> MutexGuard<'_, HashMap<String, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_down_or_asks_for_it_is_left_alone_and_others_are_not() {
        let servers = Servers::default();
        let failure = |class| Failure::new(class, "m");
        for _ in 1..FAILURES {
            servers.note("a", Some(&failure(ErrorClass::Transient)));
            assert!(servers.may_be_asked("a"));
        }
        servers.note("a", Some(&failure(ErrorClass::OutcomeUnknown)));
        assert!(!servers.may_be_asked("a") && servers.may_be_asked("b"));
        servers.note("b", Some(&failure(ErrorClass::RateLimited)));
        assert!(!servers.may_be_asked("b"));
        servers.note("a", None);
        assert!(servers.may_be_asked("a"));
        // an account that needs a login says nothing of its server
        for _ in 0..9 {
            servers.note("c", Some(&failure(ErrorClass::AuthRevoked)));
        }
        assert!(servers.may_be_asked("c"));
        let long = Failure {
            retry_at: Some(SystemTime::now() + Duration::from_secs(1)),
            ..failure(ErrorClass::RateLimited)
        };
        servers.note("d", Some(&long));
        assert!(!servers.may_be_asked("d"));
    }
}
