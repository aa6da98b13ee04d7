//! What is refused, with the value and what to write instead.

/// Why something is not a recurrence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecurrenceError {
    /// A zone that is not known.
    #[error("{found:?} is not a time zone: {advice}")]
    Zone {
        /// What was given.
        found: String,
        /// What would be one.
        advice: String,
    },
    /// A date, or a date with a time, that is none.
    #[error("{found:?} is not a wall time: {advice}")]
    Wall {
        /// What was given.
        found: String,
        /// What would be one.
        advice: String,
    },
    /// A rule that is none, or that is not accepted.
    #[error("the rule {found:?} {problem}")]
    Rule {
        /// The part of the rule, or all of it.
        found: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// The plain form, wrongly written.
    #[error("the times {found}: {advice}")]
    Plain {
        /// The part.
        found: String,
        /// What would be right.
        advice: String,
    },
    /// More dates than are accepted.
    #[error("there are {found} {what}; at most {limit} are accepted")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// How many.
        found: usize,
        /// How many may be.
        limit: usize,
    },
    /// An end before the start.
    #[error("it ends at {ends}, before it starts at {starts}: let it end later, or leave the end out")]
    Backwards {
        /// When it starts.
        starts: String,
        /// When it ends.
        ends: String,
    },
}

/// The beginning of what somebody gave, as much as an error shows of it.
pub(super) fn excerpt(text: &str) -> String {
    const SHOWN: usize = 80;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl RecurrenceError {
    pub(super) fn zone(found: &str, advice: impl Into<String>) -> Self {
        Self::Zone { found: excerpt(found), advice: advice.into() }
    }

    pub(super) fn wall(found: &str, advice: impl Into<String>) -> Self {
        Self::Wall { found: excerpt(found), advice: advice.into() }
    }

    pub(super) fn rule(found: impl AsRef<str>, problem: impl Into<String>) -> Self {
        Self::Rule { found: excerpt(found.as_ref()), problem: problem.into() }
    }

    pub(super) fn plain(found: impl AsRef<str>, advice: impl Into<String>) -> Self {
        Self::Plain { found: excerpt(found.as_ref()), advice: advice.into() }
    }
}
