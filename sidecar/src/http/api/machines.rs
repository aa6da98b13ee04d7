//! Callers that are machines: they show an API key of a workspace instead of a person's token. Not to be taken for the keys of
//! `http.api_key_file`, by which operators call.
//!
//! A key is known by its hash. Whose it is never changes and is kept in memory; whether it counts still is asked with each request,
//! in the statement that counts it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::tokens::Identity;
use crate::db::Db;
use crate::error::Error;

/// With which a key begins, and no token of a person.
const PREFIX: &str = "crier_";
/// Letters after that.
const LEN: usize = 64;
/// Of unknown keys at a time: whoever invents some leaves the others' connections alone.
const LOOKUPS: usize = 2;
/// Keys that are remembered.
const MAX_KNOWN: usize = 10_000;

/// The hash of a key; the key itself is dropped where it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct KeyHash([u8; 32]);

impl KeyHash {
    /// That of what somebody shows, if it has the form of a key.
    pub(super) fn of(shown: &str) -> Option<Self> {
        let rest = shown.strip_prefix(PREFIX)?;
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (rest.len() == LEN && rest.bytes().all(is_hex)).then(|| Self(Sha256::digest(shown).into()))
    }
}

/// Whether it is shown as one, whatever comes of it.
pub(super) fn is_meant(shown: &str) -> bool {
    shown.starts_with(PREFIX)
}

/// Finds out whose a key is.
pub(super) struct Machines {
    known: Mutex<HashMap<KeyHash, Uuid>>,
    lookups: Semaphore,
}

impl Default for Machines {
    fn default() -> Self {
        Self { known: Mutex::default(), lookups: Semaphore::new(LOOKUPS) }
    }
}

impl Machines {
    /// As whom a key acts; nothing: it is nobody's.
    pub(super) async fn find(&self, worker: &Db, hash: KeyHash) -> Result<Option<Identity>, Error> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&hash).copied();
        let id = match known {
            Some(id) => Some(id),
            None => self.look_up(worker, hash).await?,
        };
        Ok(id.map(|id| Identity { user: id, claims: json!({ "sub": id }).to_string() }))
    }

    async fn look_up(&self, worker: &Db, hash: KeyHash) -> Result<Option<Uuid>, Error> {
        let _permit = self.lookups.acquire().await;
        let found = worker.find_api_key(&hash.0).await?;
        if let Some(id) = found {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= MAX_KNOWN {
                known.clear();
            }
            known.insert(hash, id);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_like_a_key_is_looked_up() {
        let key = format!("{PREFIX}{}", "0f".repeat(32));
        let hash = KeyHash::of(&key).unwrap();
        assert_eq!(hash, KeyHash::of(&key).unwrap());
        assert!(!format!("{hash:?}").contains("0f0f"), "{hash:?}");
        let upper = key.to_uppercase();
        for bad in ["", "crier_", &key[1..], &key[..key.len() - 1], &upper, &key.replace("0f", "0g")] {
            assert_eq!(KeyHash::of(bad), None, "{bad}");
        }
        assert!(is_meant("crier_x") && !is_meant("eyJ.x.y"));
    }
}
