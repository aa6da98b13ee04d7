//! What a platform's refusal means, in the words every platform shares.

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use serde_json::{Value, json};

use super::{Act, Published};

/// The most characters kept of a platform's message.
const MAX_MESSAGE: usize = 400;

/// A call that failed. Its message is stored and logged: no token, no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({class}{})", status.map(|status| format!(", HTTP {status}")).unwrap_or_default())]
pub struct Failure {
    /// What it means for the job.
    pub class: ErrorClass,
    /// For a person.
    pub message: String,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The platform's own name of the error.
    pub code: Option<String>,
    /// When the platform wants to be asked again.
    pub retry_at: Option<SystemTime>,
    /// What has to wait until then, where the platform tells; otherwise the action of the account.
    pub scope: Option<Scope>,
    /// Whatever this says: something that was sent before may be out.
    pub may_be_out: bool,
    /// The platform offers nothing by which anybody could find out what became of a send, now or later: a person is asked.
    pub unknowable: bool,
    /// What was prepared is gone on the platform: preparing it again can help.
    pub prepare_again: bool,
    /// What the frozen request names is gone or used up: only another request, with another key, can help. Where nothing can
    /// have been published under this one, it is forgotten.
    pub draft_again: bool,
    /// Where the platform refused because it has this already, and named which post that is.
    pub existing: Option<Box<Published>>,
    /// Nobody could read that one: it is ours only where something that was sent before may be out.
    pub existing_unread: bool,
}

impl Failure {
    /// A failure without an answer of the platform.
    pub fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        let message = clean(&message.into(), MAX_MESSAGE);
        Self {
            class,
            message,
            status: None,
            code: None,
            retry_at: None,
            scope: None,
            may_be_out: false,
            unknowable: false,
            prepare_again: false,
            draft_again: false,
            existing: None,
            existing_unread: false,
        }
    }

    /// A platform does not offer this.
    pub(super) fn unsupported(platform: &str, act: &Act) -> Self {
        let what = match act {
            Act::Delete { .. } => "can't take a post back",
            Act::Like { .. } => "can't like a post",
            Act::Follow { .. } => "can't follow an account",
            Act::DirectMessage { .. } => "can't write to an account",
        };
        Self::new(ErrorClass::Unsupported, format!("{platform} {what} through its API"))
    }

    /// What a look says where the platform offers nothing to look at.
    pub(crate) fn unknowable(message: &str) -> Self {
        Self { unknowable: true, ..Self::new(ErrorClass::OutcomeUnknown, message) }
    }

    /// The failure of a look that lacks a right which not every login gives. A new one may lack it too: nobody waits for that, and a
    /// person is asked.
    #[must_use]
    pub(super) fn closed(self, message: &str) -> Self {
        if self.class != ErrorClass::Permission {
            return self;
        }
        Self { status: self.status, code: self.code, ..Self::unknowable(message) }
    }

    /// The same failure where it is not known what the platform did.
    #[must_use]
    pub fn into_unknown(self) -> Self {
        Self { class: ErrorClass::OutcomeUnknown, draft_again: false, ..self }
    }

    /// The failure of a look for what was sent. Only what the platform can't tell is unclear: a limit and a login that is
    /// needed are waited for, and use up no try.
    #[must_use]
    pub fn of_look(self) -> Self {
        let class = match self.class {
            waits @ (ErrorClass::RateLimited | ErrorClass::QuotaExhausted | ErrorClass::AuthRevoked) => waits,
            // A token that may publish and not read: a new login with one that may do both helps.
            ErrorClass::Permission => ErrorClass::AuthRevoked,
            _ => ErrorClass::OutcomeUnknown,
        };
        Self { class, may_be_out: true, draft_again: false, ..self }
    }

    /// For the database: message, status, code.
    pub fn details(&self) -> Value {
        let mut details = json!({ "message": self.message });
        if let Some(status) = self.status {
            details["status"] = json!(status);
        }
        if let Some(code) = &self.code {
            details["code"] = json!(code);
        }
        if self.may_be_out {
            details["may_be_out"] = json!(true);
        }
        if self.unknowable {
            details["unknowable"] = json!(true);
        }
        if let Some(scope) = self.scope {
            details["scope"] = json!(scope.as_str());
        }
        details
    }
}

/// What a platform's limit is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All that the account does.
    Account,
    /// Everyone on that server.
    Server,
    /// Nothing but the job.
    Job,
}

impl Scope {
    /// As the database calls it.
    fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Server => "server",
            Self::Job => "job",
        }
    }
}

/// Text of a platform as it can be stored: `jsonb` takes no NUL, and a log no control character.
pub(super) fn clean(text: &str, max: usize) -> String {
    let spaced = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    spaced.filter(|c| !c.is_control()).take(max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_hold_what_is_known() {
        let mut failure = Failure::new(ErrorClass::Transient, "x".repeat(1_000));
        assert_eq!(failure.details(), json!({ "message": "x".repeat(MAX_MESSAGE) }));
        failure.status = Some(502);
        failure.code = Some("Upstream".into());
        assert_eq!(failure.details()["status"], 502);
        assert_eq!(failure.details()["code"], "Upstream");
        assert!(failure.details().get("scope").is_none());
        for (scope, name) in [(Scope::Account, "account"), (Scope::Server, "server")] {
            failure.scope = Some(scope);
            assert_eq!(failure.details()["scope"], name);
        }
    }

    #[test]
    fn a_look_is_unclear_where_the_platform_can_not_tell() {
        use ErrorClass::{AuthRevoked, OutcomeUnknown, Permission, QuotaExhausted, RateLimited};
        for class in ErrorClass::ALL {
            let expected = match class {
                RateLimited | QuotaExhausted | AuthRevoked => class,
                Permission => AuthRevoked,
                _ => OutcomeUnknown,
            };
            let failure = Failure { draft_again: true, ..Failure::new(class, "m") }.of_look();
            assert_eq!((failure.class, failure.draft_again), (expected, false), "{class}");
            assert_eq!(failure.details()["may_be_out"], true);
        }
        assert!(Failure::new(OutcomeUnknown, "m").details().get("may_be_out").is_none());
        let asked = Failure::unknowable("m");
        assert_eq!((asked.class, &asked.details()["unknowable"]), (OutcomeUnknown, &json!(true)));
        assert!(asked.of_look().unknowable);
        // a right that a new login need not give is waited for by nobody
        let closed = |class| {
            Failure { status: Some(403), ..Failure::new(class, "m") }.closed("only a person").of_look()
        };
        let asked = closed(Permission);
        assert_eq!((asked.class, asked.unknowable, asked.status), (OutcomeUnknown, true, Some(403)));
        assert_eq!((closed(RateLimited).class, closed(RateLimited).unknowable), (RateLimited, false));
    }

    #[test]
    fn what_a_platform_says_can_be_stored() {
        let failure = Failure::new(ErrorClass::Transient, "a\0b\u{1b}[31m\u{9f}\nc é");
        assert_eq!(failure.message, "ab[31m c é");
    }
}
