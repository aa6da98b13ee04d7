//! Seals and opens bytes under one key: what stands inside the formats of `crier_core::sealed`.
//!
//! AES-256-GCM, each message under a key and an initialization vector of its own, which HKDF-SHA256 makes from the key and the
//! message's nonce. The nonce is 192 bits of an HMAC over fresh randomness, the place and the content. So neither chance nor two
//! machines that were cloned with the same state of randomness use AES-GCM twice with the same key and vector for different
//! contents, which it does not forgive.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use crier_core::sealed::enveloped::NONCE_LEN;
use crier_core::sealed::{NONCE_LEN as DIRECT_NONCE_LEN, TAG_LEN};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::keyring::{KEY_LEN, Key};
use crate::error::Error;

/// What the derived bytes are for; so that no two uses of a key have the same.
const MESSAGE: &[u8] = b"crier.sealed.v2 message\0";
const NONCE: &[u8] = b"crier.sealed.v2 nonce\0";
/// Bytes of randomness in each nonce.
const FRESH_LEN: usize = 32;

/// Seals a content for a place: the nonce, and ciphertext with tag.
pub(super) fn seal(key: &Key, aad: &[u8], plain: &[u8]) -> Result<([u8; NONCE_LEN], Vec<u8>), Error> {
    let mut fresh = Zeroizing::new([0; FRESH_LEN]);
    fill(fresh.as_mut_slice())?;
    seal_with(key, &fresh, aad, plain)
}

fn seal_with(
    key: &Key,
    fresh: &[u8; FRESH_LEN],
    aad: &[u8],
    plain: &[u8],
) -> Result<([u8; NONCE_LEN], Vec<u8>), Error> {
    let nonce = nonce(key, fresh, aad, plain)?;
    let (cipher, vector) = message_cipher(key, &nonce)?;
    // Large enough from the start: a buffer that grows leaves copies behind.
    let mut buffer = Vec::with_capacity(plain.len() + TAG_LEN);
    buffer.extend_from_slice(plain);
    cipher
        .encrypt_in_place(&vector, aad, &mut buffer)
        .map_err(|_| Error::Sealed("the value could not be sealed".into()))?;
    Ok((nonce, buffer))
}

/// Opens what [`seal`] made; `None` if key, place or content are not the same.
pub(super) fn open(
    key: &Key,
    aad: &[u8],
    nonce: &[u8; NONCE_LEN],
    ciphertext: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let (cipher, vector) = message_cipher(key, nonce).ok()?;
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    cipher.decrypt_in_place(&vector, aad, &mut *buffer).ok()?;
    Some(buffer)
}

/// Opens what versions before had sealed: with the key itself and a random nonce.
pub(super) fn open_direct(
    key: &Key,
    aad: &[u8],
    nonce: [u8; DIRECT_NONCE_LEN],
    ciphertext: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let cipher = Aes256Gcm::new_from_slice(key.as_slice()).ok()?;
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    cipher.decrypt_in_place(&Nonce::from(nonce), aad, &mut *buffer).ok()?;
    Some(buffer)
}

/// A new random key.
pub(super) fn random_key() -> Result<Key, Error> {
    let mut key = Zeroizing::new([0; KEY_LEN]);
    fill(key.as_mut_slice())?;
    Ok(key)
}

fn fill(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes).map_err(|error| Error::Sealed(format!("no random bytes: {error}")))
}

fn nonce(key: &Key, fresh: &[u8; FRESH_LEN], aad: &[u8], plain: &[u8]) -> Result<[u8; NONCE_LEN], Error> {
    let mut nonce_key = Zeroizing::new([0; KEY_LEN]);
    derive(key, &[NONCE], nonce_key.as_mut_slice())?;
    let mut mac = Hmac::<Sha256>::new_from_slice(nonce_key.as_slice()).map_err(|_| wrong_length())?;
    mac.update(fresh);
    mac.update(&(aad.len() as u64).to_be_bytes());
    mac.update(aad);
    mac.update(plain);
    let whole = mac.finalize().into_bytes();
    whole.first_chunk().copied().ok_or_else(wrong_length)
}

fn message_cipher(
    key: &Key,
    nonce: &[u8; NONCE_LEN],
) -> Result<(Aes256Gcm, Nonce<aes_gcm::aead::consts::U12>), Error> {
    let mut derived = Zeroizing::new([0; KEY_LEN + DIRECT_NONCE_LEN]);
    derive(key, &[MESSAGE, nonce], derived.as_mut_slice())?;
    let (message_key, vector) = derived.split_at(KEY_LEN);
    let cipher = Aes256Gcm::new_from_slice(message_key).map_err(|_| wrong_length())?;
    let vector: [u8; DIRECT_NONCE_LEN] = vector.try_into().map_err(|_| wrong_length())?;
    Ok((cipher, Nonce::from(vector)))
}

/// The expansion of HKDF alone: a key is uniformly random, so there is nothing to extract.
fn derive(key: &Key, info: &[&[u8]], into: &mut [u8]) -> Result<(), Error> {
    let hkdf = Hkdf::<Sha256>::from_prk(key.as_slice()).map_err(|_| wrong_length())?;
    hkdf.expand_multi_info(info, into).map_err(|_| wrong_length())
}

fn wrong_length() -> Error {
    Error::Sealed("a key has a wrong length".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> Key {
        Zeroizing::new([byte; KEY_LEN])
    }

    /// Two machines with the same randomness: only what is the same altogether looks the same.
    #[test]
    fn cloned_randomness_uses_no_nonce_twice() {
        let fresh = [9; FRESH_LEN];
        let sealed =
            |key_byte, aad: &[u8], plain: &[u8]| seal_with(&key(key_byte), &fresh, aad, plain).unwrap();
        let (nonce, ciphertext) = sealed(1, b"here", b"token-a");
        assert_eq!(sealed(1, b"here", b"token-a"), (nonce, ciphertext));
        for (key_byte, aad, plain) in [
            (1, &b"here"[..], &b"token-b"[..]),
            (1, b"there", b"token-a"),
            (2, b"here", b"token-a"),
            (1, b"heret", b"oken-a"),
        ] {
            assert_ne!(sealed(key_byte, aad, plain).0, nonce);
        }
    }

    #[test]
    fn fresh_randomness_makes_another_value_each_time() {
        let (first, second) = (seal(&key(1), b"", b"x").unwrap(), seal(&key(1), b"", b"x").unwrap());
        assert_ne!(first, second);
        assert_eq!(open(&key(1), b"", &first.0, &first.1).unwrap().as_slice(), b"x");
    }

    /// Made with another implementation of HKDF, HMAC and AES-GCM.
    #[test]
    fn the_bytes_are_those_of_the_documented_format() {
        let (nonce, ciphertext) = seal_with(&key(1), &[9; FRESH_LEN], b"here", b"token-a").unwrap();
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(&nonce), "102584de7788ba7e90c43ae636a815b006e3016ad7f720f1");
        assert_eq!(hex(&ciphertext), "d3302573695b2b2f9580027c8a6006c697c5de4d2684ae");
    }
}
