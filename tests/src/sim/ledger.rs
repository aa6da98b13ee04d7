//! What became visible on the platforms: the truth that tests compare with what Crier says.

use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use serde::Serialize;

/// One publish that became visible.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// The platform's name.
    pub platform: &'static str,
    /// The account's handle.
    pub account: String,
    /// The key it was published under.
    pub key: String,
    /// Its text.
    pub text: String,
    /// Its images.
    pub images: Vec<Image>,
    /// When, RFC 3339.
    pub at: String,
    /// Its address on the platform.
    pub uri: String,
    /// The address of what it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
}

/// An image of a publish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Image {
    /// What it shows.
    pub alt: String,
    /// The id of its bytes.
    pub cid: String,
    /// The type the platform found.
    pub mime_type: String,
    /// How many bytes it has.
    pub size: u64,
}

/// The list of everything that became visible. Nothing is ever taken away, also not by a delete.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Vec<Entry>>);

impl Ledger {
    /// Adds an entry.
    pub fn append(&self, entry: Entry) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All entries, oldest first.
    pub fn entries(&self) -> Vec<Entry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A time as the platforms write it.
pub fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}
