//! Seals and opens values with AES-256-GCM in the format of `crier_core::sealed`.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use crier_core::sealed::{Binding, NONCE_LEN, Sealed};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::keyring::{Key, Keyring};
use crate::error::Error;

/// The column that holds credentials.
const COLUMN: &str = "credential.sealed";

/// Where a credential belongs: it opens only there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The tenant.
    pub workspace_id: Uuid,
    /// The account.
    pub account_id: Uuid,
    /// The generation of the credential.
    pub generation: i64,
}

impl Place {
    fn aad(&self, key_id: u32) -> Vec<u8> {
        Binding {
            workspace_id: self.workspace_id.into_bytes(),
            column: COLUMN,
            row_id: self.account_id.into_bytes(),
            generation: self.generation,
            key_id,
        }
        .to_aad()
    }
}

impl Keyring {
    /// Seals a value for its place with the active key and a random nonce.
    pub fn seal(&self, place: Place, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let key_id = self.active();
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|error| Error::Sealed(format!("no random bytes: {error}")))?;
        let mut buffer = Vec::with_capacity(plain.len() + crier_core::sealed::TAG_LEN);
        buffer.extend_from_slice(plain);
        cipher(self.key(key_id)?)?
            .encrypt_in_place(&Nonce::from(nonce), &place.aad(key_id), &mut buffer)
            .map_err(|_| Error::Sealed("the credential could not be sealed".into()))?;
        Ok(Sealed { key_id, nonce, ciphertext: &buffer }.to_bytes())
    }

    /// Opens a value at its place.
    pub fn open(&self, place: Place, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let sealed = Sealed::parse(bytes).map_err(|error| Error::Sealed(error.to_string()))?;
        let mut buffer = Zeroizing::new(sealed.ciphertext.to_vec());
        cipher(self.key(sealed.key_id)?)?
            .decrypt_in_place(&Nonce::from(sealed.nonce), &place.aad(sealed.key_id), &mut *buffer)
            .map_err(|_| refused(place, sealed.key_id))?;
        Ok(buffer)
    }
}

fn cipher(key: &Key) -> Result<Aes256Gcm, Error> {
    Aes256Gcm::new_from_slice(key.as_slice()).map_err(|_| Error::Sealed("a key has a wrong length".into()))
}

fn refused(place: Place, key_id: u32) -> Error {
    Error::Sealed(format!(
        "the credential of account {} does not open with key {key_id}: it was changed, moved from another row, or \
         key {key_id} of the key file is another one than it was; remedy: restore the key file, or connect the \
         account again",
        place.account_id
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    fn ring(keys: &[(u32, u8)]) -> Keyring {
        let text: String =
            keys.iter().map(|(id, byte)| format!("{id}:{}\n", STANDARD.encode([*byte; 32]))).collect();
        Keyring::parse(text.as_bytes()).unwrap()
    }

    fn place() -> Place {
        Place { workspace_id: Uuid::from_u128(1), account_id: Uuid::from_u128(2), generation: 3 }
    }

    #[test]
    fn a_value_opens_at_its_place_with_an_older_key_too() {
        let sealed = ring(&[(1, 7)]).seal(place(), b"token").unwrap();
        assert!(!sealed.windows(5).any(|window| window == b"token"));
        let rotated = ring(&[(1, 7), (2, 8)]);
        assert_eq!(rotated.open(place(), &sealed).unwrap().as_slice(), b"token");
        let again = rotated.seal(place(), b"token").unwrap();
        assert_eq!(Sealed::parse(&again).unwrap().key_id, 2);
    }

    #[test]
    fn no_two_sealed_values_are_the_same() {
        let ring = ring(&[(1, 7)]);
        assert_ne!(ring.seal(place(), b"token").unwrap(), ring.seal(place(), b"token").unwrap());
    }

    #[test]
    fn elsewhere_it_does_not_open() {
        let ring = ring(&[(1, 7), (9, 1)]);
        let sealed = ring.seal(place(), b"token").unwrap();
        for elsewhere in [
            Place { workspace_id: Uuid::from_u128(9), ..place() },
            Place { account_id: Uuid::from_u128(9), ..place() },
            Place { generation: 4, ..place() },
        ] {
            assert!(ring.open(elsewhere, &sealed).is_err(), "{elsewhere:?}");
        }
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(ring.open(place(), &changed).is_err(), "byte {at}");
        }
    }

    #[test]
    fn another_key_does_not_open_it() {
        let sealed = ring(&[(1, 7)]).seal(place(), b"token").unwrap();
        assert!(ring(&[(1, 8)]).open(place(), &sealed).is_err());
        let unknown = ring(&[(2, 7)]).open(place(), &sealed).unwrap_err().to_string();
        assert!(unknown.contains("key 1") && unknown.contains("remedy"), "{unknown}");
    }
}
