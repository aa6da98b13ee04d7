//! The life of a target: one post for one account.

use std::fmt;
use std::str::FromStr;

/// Where a target stands. `docs/architecture.md` draws the ways between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TargetState {
    /// Waits until the part before it is published. It has no job till then.
    Waiting,
    /// Waits for its time.
    Scheduled,
    /// Its time has come, or a retry waits; nothing is under way.
    Queued,
    /// A sidecar prepares it; nothing visible has been sent.
    Preparing,
    /// The intent is recorded: from here on the platform may have the post.
    Committing,
    /// Published. Final.
    Published,
    /// Refused or given up, and certainly not published. Final until someone retries.
    Failed,
    /// The platform may or may not have the post; it is asked before anything is sent again.
    Unknown,
    /// It could not be found out: a person decides.
    Unconfirmed,
    /// Canceled before anything was sent. Final.
    Canceled,
}

impl TargetState {
    /// Every state.
    pub const ALL: [TargetState; 10] = [
        Self::Waiting,
        Self::Scheduled,
        Self::Queued,
        Self::Preparing,
        Self::Committing,
        Self::Published,
        Self::Failed,
        Self::Unknown,
        Self::Unconfirmed,
        Self::Canceled,
    ];

    /// The name in SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Preparing => "preparing",
            Self::Committing => "committing",
            Self::Published => "published",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Unconfirmed => "unconfirmed",
            Self::Canceled => "canceled",
        }
    }

    /// Whether nothing more happens by itself, whatever becomes of others.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Published | Self::Failed | Self::Unconfirmed | Self::Canceled)
    }

    /// Whether the platform may have the post without our knowing.
    pub const fn may_be_out(self) -> bool {
        matches!(self, Self::Committing | Self::Unknown)
    }

    /// The state as it counts where it was ever unclear what became of a send: what waits or is prepared again then may be out
    /// all the same.
    #[must_use]
    pub const fn in_doubt(self, was_unclear: bool) -> Self {
        match self {
            Self::Queued | Self::Preparing if was_unclear => Self::Unknown,
            state => state,
        }
    }

    /// Where a target goes when its job came to `end` without a word about the target: a lost lease, an
    /// expiry, a cancel, or an answer through the general queue functions.
    pub const fn after_job(self, end: JobEnd) -> Self {
        match (self, end) {
            (state, _) if state.is_final() => state,
            (state, JobEnd::Rescheduled) if state.may_be_out() => Self::Unknown,
            (_, JobEnd::Rescheduled) => Self::Queued,
            (state, _) if state.may_be_out() => Self::Unconfirmed,
            (_, JobEnd::Canceled) => Self::Canceled,
            (_, JobEnd::Finished) => Self::Failed,
        }
    }

    /// Where a target goes when its worker reports an error and the job runs again or not. `may_be_out`: the error is unclear, or
    /// of a look. A target that was already unknown stays so until the platform has told.
    pub const fn after_error(self, may_be_out: bool, runs_again: bool) -> Self {
        let unclear = may_be_out || matches!(self, Self::Unknown);
        match (self, unclear, runs_again) {
            (state, _, _) if state.is_final() => state,
            (_, true, true) => Self::Unknown,
            (_, true, false) => Self::Unconfirmed,
            (_, false, true) => Self::Queued,
            (_, false, false) => Self::Failed,
        }
    }
}

/// What became of a job, as far as its target is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobEnd {
    /// It runs again.
    Rescheduled,
    /// It was canceled.
    Canceled,
    /// It ended in any other way.
    Finished,
}

/// The states of a post, in the order in which it goes through them: its stage before it has targets, and then [`post_state`].
pub const POST_STATES: [&str; 10] = [
    "draft",
    "in_review",
    "approved",
    "scheduled",
    "publishing",
    "published",
    "partly_published",
    "failed",
    "unconfirmed",
    "canceled",
];

/// The state of a post from the states of its targets: `scheduled`, `publishing`, `published`,
/// `partly_published`, `failed`, `unconfirmed` or `canceled`.
pub fn post_state(targets: &[TargetState]) -> &'static str {
    use TargetState::{Canceled, Published, Scheduled, Unconfirmed, Waiting};
    let any = |wanted| targets.contains(&wanted);
    // What waits goes on with the part before it: where that has ended, it never does by itself.
    let counted: Vec<_> = targets.iter().filter(|state| !matches!(state, Canceled | Waiting)).collect();
    if counted.is_empty() {
        "canceled"
    } else if counted.iter().all(|state| **state == Scheduled) {
        "scheduled"
    } else if counted.iter().any(|state| !state.is_final()) {
        "publishing"
    } else if counted.iter().all(|state| **state == Published) && !any(Waiting) {
        "published"
    } else if any(Published) {
        "partly_published"
    } else if any(Unconfirmed) {
        "unconfirmed"
    } else {
        "failed"
    }
}

impl fmt::Display for TargetState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is not the name of a target state.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a target state")]
pub struct UnknownTargetState(pub String);

impl FromStr for TargetState {
    type Err = UnknownTargetState;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| UnknownTargetState(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use TargetState::*;

    #[test]
    fn every_state_is_read_back_from_its_name() {
        for state in TargetState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
    }

    #[test]
    fn a_final_state_is_never_left() {
        for state in TargetState::ALL.into_iter().filter(|state| state.is_final()) {
            for end in [JobEnd::Rescheduled, JobEnd::Canceled, JobEnd::Finished] {
                assert_eq!(state.after_job(end), state);
            }
            for out in [true, false] {
                assert_eq!((state.after_error(out, true), state.after_error(out, false)), (state, state));
            }
        }
    }

    #[test]
    fn what_may_be_out_is_never_queued_failed_or_canceled_without_the_platforms_word() {
        for end in [JobEnd::Rescheduled, JobEnd::Canceled, JobEnd::Finished] {
            for state in [Committing, Unknown] {
                assert!(matches!(state.after_job(end), Unknown | Unconfirmed), "{state} after {end:?}");
            }
        }
        for out in [true, false] {
            assert_eq!(Unknown.after_error(out, true), Unknown);
            assert_eq!(Unknown.after_error(out, false), Unconfirmed);
        }
        assert_eq!(Committing.after_error(true, true), Unknown);
        assert_eq!(Committing.after_error(false, false), Failed);
        assert_eq!(Committing.after_error(false, true), Queued);
    }

    #[test]
    fn a_doubt_about_an_earlier_send_stays() {
        for state in TargetState::ALL {
            assert_eq!(state.in_doubt(false), state);
            let waits = matches!(state, Queued | Preparing);
            assert_eq!(state.in_doubt(true), if waits { Unknown } else { state });
        }
        assert_eq!(Preparing.in_doubt(true).after_job(JobEnd::Canceled), Unconfirmed);
        assert_eq!(Preparing.in_doubt(true).after_job(JobEnd::Rescheduled), Unknown);
    }

    #[test]
    fn a_post_is_told_from_its_targets() {
        for (targets, state) in [
            (&[][..], "canceled"),
            (&[Canceled, Canceled], "canceled"),
            (&[Scheduled, Canceled], "scheduled"),
            (&[Scheduled, Published], "publishing"),
            (&[Unknown], "publishing"),
            (&[Published, Canceled], "published"),
            (&[Published, Failed], "partly_published"),
            (&[Failed, Unconfirmed], "unconfirmed"),
            (&[Failed, Failed], "failed"),
            (&[Scheduled, Waiting, Waiting], "scheduled"),
            (&[Published, Queued, Waiting], "publishing"),
            (&[Published, Failed, Waiting], "partly_published"),
            (&[Published, Canceled, Waiting], "partly_published"),
            (&[Unconfirmed, Waiting], "unconfirmed"),
            (&[Failed, Waiting], "failed"),
            (&[Canceled, Waiting], "canceled"),
        ] {
            assert_eq!(post_state(targets), state, "{targets:?}");
            assert!(POST_STATES.contains(&state));
        }
    }
}
