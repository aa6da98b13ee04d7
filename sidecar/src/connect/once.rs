//! Secrets that are good once. Whoever stores one stores its hash: they have so many random bits that nobody finds another
//! text with it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::KeyInit as _;
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::Reason;

/// 256 random bits as a text.
#[derive(Debug)]
pub(super) struct Secret {
    pub(super) text: SecretString,
}

impl Secret {
    pub(super) fn new() -> Result<Self, Reason> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|_| Reason::Internal)?;
        Ok(Self { text: URL_SAFE_NO_PAD.encode(bytes).into() })
    }

    pub(super) fn hash(&self) -> [u8; 32] {
        hash(self.text.expose_secret())
    }
}

/// What is stored of a secret.
pub(super) fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// Whether a text is the one of a hash, in a time that doesn't depend on where they differ.
pub(super) fn is_same(text: &str, stored: &[u8]) -> bool {
    let digest = |bytes: &[u8]| Hmac::<Sha256>::new_from_slice(&[0; 32]).map(|mac| mac.chain_update(bytes));
    match (digest(&hash(text)), digest(stored)) {
        (Ok(given), Ok(stored)) => given.verify(&stored.finalize().into_bytes()).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_by_its_hash_alone() {
        let (one, other) = (Secret::new().unwrap(), Secret::new().unwrap());
        let text = one.text.expose_secret();
        assert_eq!(text.len(), 43);
        assert!(is_same(text, &one.hash()));
        assert!(!is_same(text, &other.hash()) && !is_same(text, &[]) && !is_same("", &one.hash()));
        assert!(!format!("{one:?}").contains(text));
    }
}
