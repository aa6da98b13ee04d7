//! What an answer of a platform means for the job that caused it.

use std::fmt;
use std::str::FromStr;

/// The class of an error. Thirteen, the same on every platform; each has one action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// Nothing was done and it may work later: connection refused, 502 or 503 while preparing or reading.
    Transient,
    /// The platform asks to slow down and names the time.
    RateLimited,
    /// A quota that is larger than a rate (per day, per month) is used up.
    QuotaExhausted,
    /// The access token is no longer accepted; a refresh may help.
    AuthExpired,
    /// The grant is gone: the account needs a new login.
    AuthRevoked,
    /// The grant does not cover the action.
    Permission,
    /// The platform refuses the content; a retry of the same content can't help.
    ContentInvalid,
    /// The platform says that it has this content already.
    Duplicate,
    /// The platform blocks the content or the account by its policy.
    PolicyBlocked,
    /// What was addressed (channel, board, thread) no longer exists.
    TargetMissing,
    /// The action may or may not have happened. Never resent before the platform has been asked.
    OutcomeUnknown,
    /// The deployment is wrong: an API version that ended, a bad client secret.
    Config,
    /// The platform does not offer the action.
    Unsupported,
}

/// What the queue does with a job that failed with a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Run again after the backoff, until the attempts are used up.
    Retry,
    /// Run again at the time the platform named; this does not use up an attempt.
    Wait,
    /// Keep the job until its account is connected again; this does not use up an attempt either.
    Park,
    /// Do not run again by itself: the job goes to the dead letter queue.
    Stop,
}

impl ErrorClass {
    /// Every class, in the order of the documentation.
    pub const ALL: [ErrorClass; 13] = [
        Self::Transient,
        Self::RateLimited,
        Self::QuotaExhausted,
        Self::AuthExpired,
        Self::AuthRevoked,
        Self::Permission,
        Self::ContentInvalid,
        Self::Duplicate,
        Self::PolicyBlocked,
        Self::TargetMissing,
        Self::OutcomeUnknown,
        Self::Config,
        Self::Unsupported,
    ];

    /// The name that SQL, logs and events use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::RateLimited => "rate_limited",
            Self::QuotaExhausted => "quota_exhausted",
            Self::AuthExpired => "auth_expired",
            Self::AuthRevoked => "auth_revoked",
            Self::Permission => "permission",
            Self::ContentInvalid => "content_invalid",
            Self::Duplicate => "duplicate",
            Self::PolicyBlocked => "policy_blocked",
            Self::TargetMissing => "target_missing",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Config => "config",
            Self::Unsupported => "unsupported",
        }
    }

    /// What the queue does with a job that failed so.
    pub const fn action(self) -> Action {
        match self {
            Self::Transient | Self::AuthExpired | Self::OutcomeUnknown => Action::Retry,
            Self::RateLimited | Self::QuotaExhausted => Action::Wait,
            Self::AuthRevoked => Action::Park,
            Self::Permission
            | Self::ContentInvalid
            | Self::Duplicate
            | Self::PolicyBlocked
            | Self::TargetMissing
            | Self::Config
            | Self::Unsupported => Action::Stop,
        }
    }

    /// Whether what the job was to do may have been done, or counts as if it had been: it stays counted in the limits of
    /// its account. Where it certainly was not, the limits have it back.
    pub const fn may_have_acted(self) -> bool {
        matches!(self, Self::OutcomeUnknown | Self::Duplicate | Self::PolicyBlocked)
    }

    /// Whether the platform, or the way to it, is at fault: the circuit breakers count it. Every other answer shows that
    /// the platform works.
    pub const fn is_outage(self) -> bool {
        matches!(self, Self::Transient | Self::OutcomeUnknown | Self::Config)
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is not the name of an error class.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an error class")]
pub struct UnknownErrorClass(pub String);

impl FromStr for ErrorClass {
    type Err = UnknownErrorClass;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|class| class.as_str() == word)
            .ok_or_else(|| UnknownErrorClass(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_read_back_from_its_name() {
        for class in ErrorClass::ALL {
            assert_eq!(class.as_str().parse(), Ok(class));
        }
        assert_eq!("Transient".parse::<ErrorClass>(), Err(UnknownErrorClass("Transient".into())));
    }

    #[test]
    fn only_a_limit_waits_without_using_up_an_attempt() {
        let waits: Vec<_> = ErrorClass::ALL.into_iter().filter(|c| c.action() == Action::Wait).collect();
        assert_eq!(waits, [ErrorClass::RateLimited, ErrorClass::QuotaExhausted]);
    }
}
