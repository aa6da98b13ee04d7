//! Data keys: made here, wrapped by a key of the key file, and what seals the values of one workspace.

use std::fmt;

use crier_core::sealed::enveloped::{Binding, Enveloped, KEY_LEN, KeyBinding, Wrapped};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::keyring::{Key, Keyring};
use super::place::Parts;
use super::seal;
use crate::error::Error;

/// A data key in clear; wiped when dropped. `Debug` shows whose it is only.
pub(crate) struct DataKey {
    pub(super) id: Uuid,
    /// None: the installation's.
    pub(super) workspace_id: Option<Uuid>,
    key: Key,
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey({} of {:?})", self.id, self.workspace_id)
    }
}

impl DataKey {
    /// A new random one.
    pub(super) fn generate(id: Uuid, workspace_id: Option<Uuid>) -> Result<Self, Error> {
        Ok(Self { id, workspace_id, key: seal::random_key()? })
    }

    /// Wraps it with the active key of the key file.
    pub(crate) fn wrap(&self, keys: &Keyring) -> Result<Vec<u8>, Error> {
        let key_id = keys.active();
        let aad = binding(self.id, self.workspace_id, key_id).to_aad();
        let (nonce, ciphertext) = seal::seal(keys.key(key_id)?, &aad, self.key.as_slice())?;
        Ok(Wrapped { key_id, nonce, ciphertext: &ciphertext }.to_bytes())
    }

    /// Opens a wrapped one.
    pub(crate) fn unwrap(
        keys: &Keyring,
        id: Uuid,
        workspace_id: Option<Uuid>,
        wrapped: &[u8],
    ) -> Result<Self, Error> {
        let wrapped = Wrapped::parse(wrapped)
            .map_err(|error| Error::Sealed(format!("data key {id} is damaged: {error}")))?;
        let key_id = wrapped.key_id;
        let aad = binding(id, workspace_id, key_id).to_aad();
        let opened = seal::open(keys.key(key_id)?, &aad, &wrapped.nonce, wrapped.ciphertext);
        let opened = opened.ok_or_else(|| {
            Error::Sealed(format!(
                "data key {id} does not open with key {key_id}: it was changed, moved from another workspace, or key \
                 {key_id} is another one than it was; remedy: restore the key file of this installation"
            ))
        })?;
        let key = <[u8; KEY_LEN]>::try_from(opened.as_slice())
            .map_err(|_| Error::Sealed(format!("data key {id} has a wrong length")))?;
        Ok(Self { id, workspace_id, key: Zeroizing::new(key) })
    }

    /// Seals a value for its place, which is one of its workspace's.
    pub(super) fn seal(&self, place: &Parts, plain: &[u8]) -> Result<Vec<u8>, Error> {
        if self.workspace_id != place.workspace_id {
            return Err(Error::Sealed(format!(
                "{} is not sealed with another workspace's key",
                place.what()
            )));
        }
        let (nonce, ciphertext) = seal::seal(&self.key, &self.aad(place), plain)?;
        Ok(Enveloped { data_key_id: self.id.into_bytes(), nonce, ciphertext: &ciphertext }.to_bytes())
    }

    /// Opens a value at its place.
    pub(super) fn open(&self, place: &Parts, sealed: Enveloped<'_>) -> Result<Zeroizing<Vec<u8>>, Error> {
        let opened = seal::open(&self.key, &self.aad(place), &sealed.nonce, sealed.ciphertext);
        opened.filter(|_| self.workspace_id == place.workspace_id).ok_or_else(|| {
            Error::Sealed(format!(
                "{} does not open with data key {}: it was changed, or moved from another row, column, workspace or \
                 generation; remedy: {}",
                place.what(),
                self.id,
                place.remedy()
            ))
        })
    }

    fn aad(&self, place: &Parts) -> Vec<u8> {
        let binding = Binding {
            workspace_id: place.workspace_bytes(),
            column: place.column.name,
            row_id: place.row_id.into_bytes(),
            generation: place.generation,
            data_key_id: self.id.into_bytes(),
        };
        binding.to_aad()
    }
}

fn binding(id: Uuid, workspace_id: Option<Uuid>, key_id: u32) -> KeyBinding {
    let workspace_id = workspace_id.unwrap_or_default().into_bytes();
    KeyBinding { workspace_id, data_key_id: id.into_bytes(), key_id }
}
