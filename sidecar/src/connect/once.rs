//! Secrets that are good once. Whoever stores one stores its hash: they have so many random bits that nobody finds another
//! text with it.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Reason;
use crate::secrets::unguessable::unguessable;

/// 256 random bits as a text.
#[derive(Debug)]
pub(super) struct Secret {
    pub(super) text: SecretString,
}

impl Secret {
    pub(super) fn new() -> Result<Self, Reason> {
        unguessable().map(|text| Self { text: text.into() }).map_err(|_| Reason::Internal)
    }

    pub(super) fn hash(&self) -> [u8; 32] {
        hash(self.text.expose_secret())
    }
}

/// Whether a text has the form of a secret of ours, or of a ticket: anything else need not be looked up.
pub(super) fn may_be(text: &str) -> bool {
    (43..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

/// What is stored of a secret.
pub(super) fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// Whether a text is the one of a hash, in a time that doesn't depend on where they differ.
pub(super) fn is_same(text: &str, stored: &[u8]) -> bool {
    hash(text).ct_eq(stored).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_by_its_hash_alone() {
        let (one, other) = (Secret::new().unwrap(), Secret::new().unwrap());
        let text = one.text.expose_secret();
        assert_eq!(text.len(), 43);
        assert!(may_be(text) && !may_be("") && !may_be(&"x".repeat(65)) && !may_be(&" ".repeat(43)));
        assert!(is_same(text, &one.hash()));
        assert!(!is_same(text, &other.hash()) && !is_same(text, &[]) && !is_same("", &one.hash()));
        assert!(!format!("{one:?}").contains(text));
    }
}
