//! Faults that a test or an operator of the simulator asks for.

use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The call is not carried out and gets no answer.
    DropBeforeCommit,
    /// The call is carried out and gets no answer.
    DropAfterCommit,
    /// The call is carried out; its answer waits for a release.
    HoldAfterCommit,
    /// The call is carried out late.
    Delay,
    /// Too many calls.
    RateLimited,
    /// The token is not accepted.
    Unauthorized,
    /// The token has expired.
    ExpiredToken,
    /// The call is not carried out; status 500.
    ServerError,
    /// The call is carried out; status 500.
    ServerErrorAfterCommit,
    /// The call is carried out; the answer is a success that can't be read.
    Garbage,
    /// The call is not carried out; a success that says so in its body. Platforms without such answers fail instead.
    ErrorInSuccess,
    /// The call is carried out, but what it publishes can be read only after this time.
    VisibleLater,
    /// The token has expired, in an answer whose other fields have wrong types.
    OddError,
    /// The call is refused, in words with characters that no database text can hold.
    NulError,
}

/// A fault that is planned for calls of one name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The platform's name.
    pub platform: String,
    /// The name of the call, for instance `com.atproto.repo.putRecord`; `*` for every call.
    pub call: String,
    /// What happens.
    pub fault: Fault,
    /// How many calls it happens to.
    #[serde(default = "once")]
    pub times: u32,
    /// How long a delay or a limit lasts.
    #[serde(default = "two_seconds")]
    pub seconds: f64,
}

fn once() -> u32 {
    1
}

fn two_seconds() -> f64 {
    2.0
}

impl Rule {
    /// A fault of the next call of a name.
    pub fn once(platform: &str, call: &str, fault: Fault) -> Self {
        Self { platform: platform.into(), call: call.into(), fault, times: once(), seconds: two_seconds() }
    }

    /// The same for several calls.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// The same with another duration.
    #[must_use]
    pub fn seconds(self, seconds: f64) -> Self {
        Self { seconds, ..self }
    }
}

/// The faults that are planned.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<Vec<Rule>>);

impl Faults {
    pub(super) fn plan(&self, rule: Rule) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(rule);
    }

    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How many calls will still meet a fault.
    pub(super) fn left(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|rule| rule.times as usize).sum()
    }

    /// The fault for this call: of those that fit, the one planned first.
    pub(super) fn take(&self, platform: &str, call: &str) -> Option<Rule> {
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rules.retain(|rule| rule.times > 0);
        let rule = rules
            .iter_mut()
            .find(|rule| rule.platform == platform && (rule.call == call || rule.call == "*"))?;
        rule.times -= 1;
        Some(rule.clone())
    }
}
