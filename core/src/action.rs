//! The life of what an account does besides publishing: a like, a follow, a message, a post taken back.

use std::fmt;
use std::str::FromStr;

use crate::error_class::ErrorClass;

/// Where an action stands. `docs/actions.md` draws the ways between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActionState {
    /// Waits for its time, or for its next try.
    Waiting,
    /// A sidecar is at it. What it does now may be done twice.
    Running,
    /// A message is being sent: from here on its addressee may have it.
    Sending,
    /// Done. Final.
    Done,
    /// Refused or given up. Final.
    Failed,
    /// The message may or may not have been sent: a person decides.
    Unconfirmed,
    /// Canceled before anything was sent. Final.
    Canceled,
}

/// What became of the job of an action that nobody reported about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionEnd {
    /// It runs again.
    Rescheduled,
    /// Its worker says that it was done.
    Completed,
    /// It was canceled.
    Canceled,
    /// It ended in any other way.
    Failed,
}

impl ActionState {
    /// Every state.
    pub const ALL: [ActionState; 7] = [
        Self::Waiting,
        Self::Running,
        Self::Sending,
        Self::Done,
        Self::Failed,
        Self::Unconfirmed,
        Self::Canceled,
    ];

    /// The name in SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Sending => "sending",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unconfirmed => "unconfirmed",
            Self::Canceled => "canceled",
        }
    }

    /// Whether nothing more happens by itself.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Unconfirmed | Self::Canceled)
    }

    /// Where an action goes when its job came to `end` without a word about the action itself: a lost lease, an expiry, a
    /// cancel, or an answer through the general queue functions. What was being sent is never waiting again.
    pub const fn after_job(self, end: ActionEnd) -> Self {
        match (self, end) {
            (state, _) if state.is_final() => state,
            (_, ActionEnd::Completed) => Self::Done,
            (Self::Sending, _) => Self::Unconfirmed,
            (_, ActionEnd::Rescheduled) => Self::Waiting,
            (_, ActionEnd::Canceled) => Self::Canceled,
            (_, ActionEnd::Failed) => Self::Failed,
        }
    }

    /// Whether an error of `class` leaves it open whether a message was sent.
    pub const fn is_unclear(self, class: ErrorClass) -> bool {
        matches!(self, Self::Sending) && matches!(class, ErrorClass::OutcomeUnknown)
    }

    /// Where an action goes when its worker reports an error of `class` and the job runs again or not.
    pub const fn after_error(self, class: ErrorClass, runs_again: bool) -> Self {
        match (self, runs_again) {
            (state, _) if state.is_final() => state,
            (state, _) if state.is_unclear(class) => Self::Unconfirmed,
            (_, true) => Self::Waiting,
            (_, false) => Self::Failed,
        }
    }
}

impl fmt::Display for ActionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is not the name of an action's state.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the state of an action")]
pub struct UnknownActionState(pub String);

impl FromStr for ActionState {
    type Err = UnknownActionState;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == word);
        found.ok_or_else(|| UnknownActionState(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ActionState::*;

    const ENDS: [ActionEnd; 4] =
        [ActionEnd::Rescheduled, ActionEnd::Completed, ActionEnd::Canceled, ActionEnd::Failed];

    #[test]
    fn every_state_is_read_back_from_its_name() {
        for state in ActionState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert_eq!("sent".parse::<ActionState>(), Err(UnknownActionState("sent".into())));
    }

    #[test]
    fn a_final_state_is_never_left() {
        for state in ActionState::ALL.into_iter().filter(|state| state.is_final()) {
            for end in ENDS {
                assert_eq!(state.after_job(end), state);
            }
            for class in ErrorClass::ALL {
                assert_eq!((state.after_error(class, true), state.after_error(class, false)), (state, state));
            }
        }
    }

    #[test]
    fn what_was_being_sent_waits_again_only_after_a_clear_answer() {
        for end in ENDS {
            let expected = if end == ActionEnd::Completed { Done } else { Unconfirmed };
            assert_eq!(Sending.after_job(end), expected, "{end:?}");
        }
        for again in [true, false] {
            assert_eq!(Sending.after_error(ErrorClass::OutcomeUnknown, again), Unconfirmed);
        }
        assert_eq!(Sending.after_error(ErrorClass::RateLimited, true), Waiting);
        assert_eq!(Sending.after_error(ErrorClass::ContentInvalid, false), Failed);
        // what may be done twice is done again
        assert_eq!(Running.after_error(ErrorClass::OutcomeUnknown, true), Waiting);
        assert_eq!(Running.after_job(ActionEnd::Rescheduled), Waiting);
        assert_eq!(Running.after_job(ActionEnd::Canceled), Canceled);
    }
}
