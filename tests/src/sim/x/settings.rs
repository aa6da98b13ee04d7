//! What can be set: how X behaves towards an app and its accounts that the API doesn't show.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::sim::consent::Consent;

/// The settings, with what they are at first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// How long videos and GIFs are processed.
    processing_seconds: f64,
    /// When to ask again, as the answers say it.
    pub(super) check_after_seconds: u32,
    /// Whether processing fails.
    pub(super) processing_fails: bool,
    /// Which tweets an account may answer.
    pub(super) replies: Replies,
    /// The handles of the accounts that are suspended.
    pub(super) suspended: BTreeSet<String>,
    /// How the app stands with what it pays for.
    pub(super) usage: Usage,
    /// The handle whose own posts are cheap to read, because the app is its own; without one, everybody's.
    pub(super) app_owner: Option<String>,
    /// The app; without one, any is taken.
    pub(super) client_id: Option<String>,
    /// Its secret, if it can keep one.
    pub(super) client_secret: Option<String>,
    /// Where it may have people sent back to; without one, anywhere.
    pub(super) redirect_uris: BTreeSet<String>,
    /// What people say who are asked.
    pub(super) consent: Consent,
    /// Other limits of calls than X's.
    limits: BTreeMap<String, u64>,
    /// How long a limit is counted.
    window_seconds: u32,
}

/// Which tweets an account may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Replies {
    /// All of them.
    All,
    /// Its own, and those that mention it.
    Summoned,
    /// Those that mention it: not even threads are possible.
    StrictlySummoned,
}

/// How the app stands with what it pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Usage {
    /// Well.
    Paid,
    /// It has used what a month has.
    Capped,
    /// It has no credits left.
    Depleted,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            processing_seconds: 0.0,
            check_after_seconds: 1,
            processing_fails: false,
            replies: Replies::Summoned,
            suspended: BTreeSet::new(),
            usage: Usage::Paid,
            app_owner: None,
            client_id: None,
            client_secret: None,
            redirect_uris: BTreeSet::new(),
            consent: Consent::default(),
            limits: BTreeMap::new(),
            window_seconds: 900,
        }
    }
}

impl Settings {
    pub(super) fn processing(&self) -> Duration {
        Duration::from_secs_f64(self.processing_seconds.clamp(0.0, 86_400.0))
    }

    pub(super) fn window(&self) -> Duration {
        Duration::from_secs(self.window_seconds.into())
    }

    /// How many calls of a name an account has in a window.
    pub(super) fn limit(&self, call: &str) -> u64 {
        self.limits.get(call).copied().unwrap_or(match call {
            "tweets.create" => 100,
            "tweets.delete" => 50,
            "dm.create" => 15,
            "users.me" => 75,
            _ if call.starts_with("media.") => 1_875,
            _ => 900,
        })
    }
}
