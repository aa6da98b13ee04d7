//! Seals and opens values with AES-256-GCM in the format of `crier_core::sealed`.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use crier_core::sealed::{Binding, NONCE_LEN, Sealed};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::keyring::{Key, Keyring};
use crate::error::Error;

/// Where a sealed value belongs: it opens only there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The tokens of an account.
    Credential {
        /// The tenant.
        workspace_id: Uuid,
        /// The account.
        account_id: Uuid,
        /// The generation of the credential.
        generation: i64,
    },
    /// What signs the alerts to an endpoint.
    AlertEndpoint {
        /// The tenant; none for an endpoint of the operator.
        workspace_id: Option<Uuid>,
        /// The endpoint.
        endpoint_id: Uuid,
    },
    /// What a login needs for its next step.
    OAuthState {
        /// The tenant.
        workspace_id: Uuid,
        /// The login.
        state_id: Uuid,
        /// The number of the step: what one needs opens at no other.
        step: i64,
    },
    /// The secret of an app that was registered at a server.
    AppRegistration {
        /// The registration.
        id: Uuid,
        /// Its generation.
        generation: i64,
    },
}

impl Place {
    fn aad(&self, key_id: u32) -> Vec<u8> {
        let (workspace_id, column, row_id, generation) = match *self {
            Self::Credential { workspace_id, account_id, generation } => {
                (workspace_id, "credential.sealed", account_id, generation)
            }
            // No tenant has the nil uuid. A new secret is a new endpoint.
            Self::AlertEndpoint { workspace_id, endpoint_id } => {
                (workspace_id.unwrap_or_default(), "alert_endpoint.sealed", endpoint_id, 1)
            }
            Self::OAuthState { workspace_id, state_id, step } => {
                (workspace_id, "oauth_state.sealed", state_id, step)
            }
            // All tenants share it.
            Self::AppRegistration { id, generation } => {
                (Uuid::default(), "app_registration.sealed", id, generation)
            }
        };
        let (workspace_id, row_id) = (workspace_id.into_bytes(), row_id.into_bytes());
        Binding { workspace_id, column, row_id, generation, key_id }.to_aad()
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
            .map_err(|_| Error::Sealed("the value could not be sealed".into()))?;
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
    let (what, remedy) = match place {
        Place::Credential { account_id, .. } => {
            (format!("credential of account {account_id}"), "connect the account again")
        }
        Place::AlertEndpoint { endpoint_id, .. } => {
            (format!("secret of alert endpoint {endpoint_id}"), "add the endpoint again")
        }
        Place::OAuthState { state_id, .. } => (format!("login {state_id}"), "begin the login again"),
        Place::AppRegistration { id, .. } => {
            (format!("registered app {id}"), "delete its row of crier.app_registration")
        }
    };
    Error::Sealed(format!(
        "the {what} does not open with key {key_id}: it was changed, moved from another row, or key {key_id} of the key \
         file is another one than it was; remedy: restore the key file, or {remedy}"
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
        credential(1, 2, 3)
    }

    fn credential(workspace: u128, account: u128, generation: i64) -> Place {
        let (workspace_id, account_id) = (Uuid::from_u128(workspace), Uuid::from_u128(account));
        Place::Credential { workspace_id, account_id, generation }
    }

    fn endpoint(workspace: Option<u128>, endpoint: u128) -> Place {
        let (workspace_id, endpoint_id) = (workspace.map(Uuid::from_u128), Uuid::from_u128(endpoint));
        Place::AlertEndpoint { workspace_id, endpoint_id }
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
        for elsewhere in [credential(9, 2, 3), credential(1, 9, 3), credential(1, 2, 4), endpoint(Some(1), 2)]
        {
            assert!(ring.open(elsewhere, &sealed).is_err(), "{elsewhere:?}");
        }
        let secret = ring.seal(endpoint(Some(1), 2), b"secret").unwrap();
        assert_eq!(ring.open(endpoint(Some(1), 2), &secret).unwrap().as_slice(), b"secret");
        for elsewhere in [endpoint(Some(9), 2), endpoint(None, 2), endpoint(Some(1), 9), credential(1, 2, 1)]
        {
            assert!(ring.open(elsewhere, &secret).is_err(), "{elsewhere:?}");
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
