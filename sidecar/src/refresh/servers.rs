//! Servers that are left alone for a while: those that asked for it, and those that don't answer, so that one that is down does
//! not hold up the accounts of others. And those that are slow, of which only so many are asked at a time.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crier_core::error_class::ErrorClass;

use crate::providers::{Failure, Scope};

/// After so many refreshes in a row that failed for no reason of their own, a server is left alone.
const FAILURES: u32 = 3;
/// For so long.
const REST: Duration = Duration::from_secs(2 * 60);
/// No longer, whatever it asks for: each account has its own time to be tried again.
const MAX_REST: Duration = Duration::from_secs(15 * 60);
/// A refresh that takes longer is slow.
const SLOW: Duration = Duration::from_secs(5);
/// A slow server is asked by so many at a time, where others wait for their turn too.
const AT_ONCE_IF_SLOW: usize = 2;
/// In how long it is looked at again whether a slow server has room.
const ROOM: Duration = Duration::from_secs(10);
/// Of no more servers anything is kept that work.
const MAX_KNOWN: usize = 10_000;

/// What is known of servers, by their addresses.
#[derive(Debug, Default)]
pub(crate) struct Servers(Mutex<HashMap<String, State>>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    until: Option<Instant>,
    /// Since when refreshes are under way.
    running: Vec<Instant>,
    was_slow: bool,
    /// Whether accounts of the platform are on other servers too.
    is_one_of_many: bool,
}

/// A refresh that is under way.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    servers: &'a Servers,
    server: &'a str,
    begun: Instant,
}

impl Servers {
    /// Until when nothing more is sent to a server; `None`: it may be asked.
    pub(super) fn not_before(&self, server: &str) -> Option<Instant> {
        self.states().get(server).and_then(|state| state.not_before(Instant::now()))
    }

    /// Servers that nothing more is sent to, and until when.
    pub(super) fn resting(&self) -> Vec<(String, Instant)> {
        let now = Instant::now();
        let states = self.states();
        let resting = states.iter().filter_map(|(name, state)| Some((name.clone(), state.not_before(now)?)));
        resting.collect()
    }

    /// Notes that a refresh is about to be sent.
    pub(crate) fn begin<'a>(&'a self, server: &'a str, is_one_of_many: bool) -> Call<'a> {
        let begun = Instant::now();
        let mut states = self.states();
        if states.len() >= MAX_KNOWN {
            states.retain(|_, state| !state.is_dull(begun));
        }
        let state = states.entry(server.to_owned()).or_default();
        state.is_one_of_many = is_one_of_many;
        state.running.push(begun);
        Call { servers: self, server, begun }
    }

    /// Notes how it was answered.
    fn note(&self, server: &str, failure: Option<&Failure>) {
        let mut states = self.states();
        let state = states.entry(server.to_owned()).or_default();
        let rest = match failure.map(|failure| (failure, failure.class)) {
            Some((failure, ErrorClass::RateLimited | ErrorClass::QuotaExhausted))
                if failure.scope != Some(Scope::Account) =>
            {
                let asked = failure.retry_at.and_then(|at| at.duration_since(SystemTime::now()).ok());
                asked.unwrap_or(REST).min(MAX_REST)
            }
            Some((_, ErrorClass::Transient | ErrorClass::OutcomeUnknown)) => {
                state.failures += 1;
                if state.failures < FAILURES {
                    return;
                }
                REST
            }
            // It answers; what is wrong is the account's matter, or ours. A rest that it has is not ended by what was sent before.
            _ => {
                state.failures = 0;
                return;
            }
        };
        // the first refresh after the rest tells anew
        state.failures = FAILURES - 1;
        state.until = state.until.max(Some(Instant::now() + rest));
    }

    fn states(&self) -> MutexGuard<'_, HashMap<String, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn not_before(&self, now: Instant) -> Option<Instant> {
        let rests = self.until.filter(|until| *until > now);
        rests.or_else(|| (self.is_slow() && self.running.len() >= AT_ONCE_IF_SLOW).then(|| now + ROOM))
    }

    /// By the last one that ended, or by one that does not.
    fn is_slow(&self) -> bool {
        let is_late = |begun: &Instant| begun.elapsed() > SLOW;
        self.is_one_of_many && (self.was_slow || self.running.iter().any(is_late))
    }

    /// Nothing would be missed of it.
    fn is_dull(&self, now: Instant) -> bool {
        self.running.is_empty() && self.failures == 0 && self.until.is_none_or(|until| until <= now)
    }
}

impl Call<'_> {
    /// Notes how it ended.
    pub(crate) fn ended<T>(self, answer: &Result<T, Failure>) {
        self.servers.note(self.server, answer.as_ref().err());
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let mut states = self.servers.states();
        if let Some(state) = states.get_mut(self.server) {
            state.was_slow = self.begun.elapsed() > SLOW;
            if let Some(at) = state.running.iter().position(|begun| *begun == self.begun) {
                state.running.swap_remove(at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(class: ErrorClass) -> Failure {
        Failure::new(class, "m")
    }

    fn may_be_asked(servers: &Servers, server: &str) -> bool {
        servers.not_before(server).is_none()
    }

    fn names(servers: &Servers) -> Vec<String> {
        let mut names: Vec<_> = servers.resting().into_iter().map(|(name, _)| name).collect();
        names.sort();
        names
    }

    #[test]
    fn a_server_that_is_down_or_asks_for_it_is_left_alone_and_others_are_not() {
        let servers = Servers::default();
        for _ in 1..FAILURES {
            servers.note("a", Some(&failure(ErrorClass::Transient)));
            assert!(may_be_asked(&servers, "a"));
        }
        servers.note("a", Some(&failure(ErrorClass::OutcomeUnknown)));
        assert!(!may_be_asked(&servers, "a") && may_be_asked(&servers, "b"));
        servers.note("b", Some(&failure(ErrorClass::RateLimited)));
        assert_eq!(names(&servers), ["a", "b"]);
        // an account that needs a login says nothing of its server
        for _ in 0..9 {
            servers.note("c", Some(&failure(ErrorClass::AuthRevoked)));
        }
        assert!(may_be_asked(&servers, "c"));
        let long = Failure {
            retry_at: Some(SystemTime::now() + Duration::from_secs(1)),
            ..failure(ErrorClass::RateLimited)
        };
        servers.note("d", Some(&long));
        assert!(!may_be_asked(&servers, "d"));
    }

    #[test]
    fn what_an_account_has_used_up_keeps_no_other_from_its_server() {
        let servers = Servers::default();
        let own = Failure { scope: Some(Scope::Account), ..failure(ErrorClass::RateLimited) };
        for _ in 0..9 {
            servers.note("a", Some(&own));
        }
        assert!(may_be_asked(&servers, "a"));
        servers.note("a", Some(&Failure { scope: Some(Scope::Server), ..own }));
        assert!(!may_be_asked(&servers, "a"));
    }

    #[test]
    fn an_answer_to_what_was_sent_before_ends_no_rest() {
        let servers = Servers::default();
        let long = Failure {
            retry_at: Some(SystemTime::now() + Duration::from_secs(600)),
            ..failure(ErrorClass::RateLimited)
        };
        servers.note("a", Some(&long));
        let until = servers.not_before("a").unwrap();
        servers.note("a", None);
        servers.note("a", Some(&failure(ErrorClass::AuthRevoked)));
        for _ in 0..FAILURES {
            servers.note("a", Some(&failure(ErrorClass::Transient)));
        }
        assert_eq!(servers.not_before("a"), Some(until));
    }

    #[test]
    fn a_slow_server_has_two_at_a_time_where_it_is_one_of_many() {
        let servers = Servers::default();
        let long_ago = Instant::now().checked_sub(SLOW * 2).unwrap();
        let running = |server: &str, is_one_of_many, since, count| {
            let state = State { running: vec![since; count], is_one_of_many, ..State::default() };
            servers.states().insert(server.to_owned(), state);
        };
        running("one", true, long_ago, 1);
        running("two", true, long_ago, 2);
        running("alone", false, long_ago, 5);
        running("quick", true, Instant::now(), 5);
        assert_eq!(names(&servers), ["two"]);
        // then the last one that ended tells
        drop(Call { servers: &servers, server: "quick", begun: long_ago });
        assert_eq!(names(&servers), ["quick", "two"]);
        drop(servers.begin("quick", true));
        assert_eq!(names(&servers), ["two"]);
        assert_eq!(servers.states()["quick"].running.len(), 5);
    }
}
