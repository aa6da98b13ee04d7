//! What can be set: how servers of the same interface differ.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::sim::consent::Consent;

/// The settings, with what they are at first: those of the real server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// What the key of a publish is good for.
    pub(super) keys: Keys,
    /// How long such a key is remembered, also one that is known already.
    key_seconds: f64,
    /// How long media is processed that is uploaded from now on.
    processing_seconds: f64,
    /// Whether its processing fails.
    pub(super) processing_fails: bool,
    /// Whether calls must say which program makes them.
    pub(super) user_agent_needed: bool,
    /// Whether every login is disabled, as a moderator can do.
    pub(super) logins_disabled: bool,
    /// What people say who are asked.
    pub(super) consent: Consent,
    /// Whether the server tells of itself, as from 4.3 on.
    pub(super) tells_of_itself: bool,
}

/// What the key of a publish is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Keys {
    /// It never publishes twice.
    Honoured,
    /// It doesn't publish again once the first try was answered; tries at the same time all publish.
    OneByOne,
    /// Nothing.
    Ignored,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            keys: Keys::Honoured,
            key_seconds: 3_600.0,
            processing_seconds: 0.0,
            processing_fails: false,
            user_agent_needed: false,
            logins_disabled: false,
            consent: Consent::default(),
            tells_of_itself: true,
        }
    }
}

impl Settings {
    pub(super) fn key_life(&self) -> Duration {
        duration(self.key_seconds)
    }

    pub(super) fn processing(&self) -> Duration {
        duration(self.processing_seconds)
    }
}

fn duration(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.clamp(0.0, 86_400.0))
}
