//! Credentials as `crierd account add` stores them, for more accounts than anybody connects one by one.

use std::path::Path;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crier_core::sealed::{Binding, Sealed};
use uuid::Uuid;

/// The active key of a key file.
pub struct Key {
    id: u32,
    cipher: Aes256Gcm,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

impl Key {
    /// Reads it.
    ///
    /// # Panics
    /// When there is none.
    pub fn of_file(path: &Path) -> Self {
        let text =
            std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let line = text.lines().rfind(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
        let (id, key) = line.split_once(':').unwrap_or_else(|| panic!("{} holds no key", path.display()));
        let key = STANDARD.decode(key).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let cipher = Aes256Gcm::new_from_slice(&key).unwrap_or_else(|error| panic!("{error}"));
        Self { id: id.parse().unwrap_or_else(|error| panic!("{id:?}: {error}")), cipher }
    }

    /// Seals tokens for an account that has none yet. They name the server that they are for.
    ///
    /// # Panics
    /// Never with a key that was read.
    pub fn seal(&self, workspace: Uuid, account: Uuid, plain: &str) -> Vec<u8> {
        let binding = Binding {
            workspace_id: workspace.into_bytes(),
            column: "credential.sealed",
            row_id: account.into_bytes(),
            generation: 1,
            key_id: self.id,
        };
        let mut nonce = [0; 12];
        nonce.copy_from_slice(&Uuid::new_v4().as_bytes()[..12]);
        let mut buffer = plain.as_bytes().to_vec();
        self.cipher
            .encrypt_in_place(&Nonce::from(nonce), &binding.to_aad(), &mut buffer)
            .unwrap_or_else(|error| panic!("{error}"));
        Sealed { key_id: self.id, nonce, ciphertext: &buffer }.to_bytes()
    }
}
