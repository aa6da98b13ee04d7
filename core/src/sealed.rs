//! The formats of a sealed value: what stands around the ciphertext of a token.
//!
//! Format 2, in [`enveloped`], is what is written: its key is a data key of the workspace, which a key of the key file wraps.
//! Format 1, here, is what versions before had sealed with a key of the key file itself; it is only read:
//!
//! ```text
//! version (1) | algorithm (1) | key id (4, big endian) | nonce (12) | ciphertext and tag (at least 16)
//! ```
//! The extension stores such values and never opens them; the sidecar opens them with the additional data of
//! [`Binding`], so that a value moved to another row, tenant, column or generation does not open.

pub mod enveloped;

use enveloped::Enveloped;

/// A sealed value of any format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnySealed<'a> {
    /// Format 1.
    Direct(Sealed<'a>),
    /// Format 2.
    Enveloped(Enveloped<'a>),
}

impl<'a> AnySealed<'a> {
    /// Takes a sealed value apart.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FormatError> {
        match bytes.first() {
            Some(&enveloped::VERSION) => Enveloped::parse(bytes).map(Self::Enveloped),
            _ => Sealed::parse(bytes).map(Self::Direct),
        }
    }
}

/// The version of the format.
pub const VERSION: u8 = 1;
/// AES-256-GCM with a random nonce of 96 bits.
pub const AES_256_GCM: u8 = 1;
/// Bytes of a nonce.
pub const NONCE_LEN: usize = 12;
/// Bytes of an authentication tag.
pub const TAG_LEN: usize = 16;
/// Bytes before the ciphertext.
pub const HEADER_LEN: usize = 2 + 4 + NONCE_LEN;

/// Bytes of the shortest sealed value.
pub const MIN_LEN: usize = HEADER_LEN + TAG_LEN;

/// The parts of a sealed value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed<'a> {
    /// Which key sealed it.
    pub key_id: u32,
    /// The nonce.
    pub nonce: [u8; NONCE_LEN],
    /// Ciphertext followed by the tag.
    pub ciphertext: &'a [u8],
}

/// Why bytes are not a sealed value.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// Fewer bytes than header and tag need.
    #[error("it is too short: it has {0} bytes")]
    Short(usize),
    /// A format this version does not know.
    #[error(
        "it is in format {version}, algorithm {algorithm}; this version knows format 1, algorithm 1, and format 2, algorithm 2"
    )]
    Unknown {
        /// The version byte.
        version: u8,
        /// The algorithm byte.
        algorithm: u8,
    },
}

impl<'a> Sealed<'a> {
    /// Takes a sealed value apart.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let short = || FormatError::Short(bytes.len());
        if bytes.len() < MIN_LEN {
            return Err(short());
        }
        let (head, ciphertext) = bytes.split_at(HEADER_LEN);
        let [version, algorithm, ids @ ..] = head else { return Err(short()) };
        if (*version, *algorithm) != (VERSION, AES_256_GCM) {
            return Err(FormatError::Unknown { version: *version, algorithm: *algorithm });
        }
        let (key_id, nonce) = ids.split_at(4);
        Ok(Self {
            key_id: u32::from_be_bytes(key_id.try_into().map_err(|_| short())?),
            nonce: nonce.try_into().map_err(|_| short())?,
            ciphertext,
        })
    }

    /// Puts a sealed value together.
    pub fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_LEN + self.ciphertext.len());
        bytes.extend_from_slice(&[VERSION, AES_256_GCM]);
        bytes.extend_from_slice(&self.key_id.to_be_bytes());
        bytes.extend_from_slice(&self.nonce);
        bytes.extend_from_slice(self.ciphertext);
        bytes
    }
}

/// Where a sealed value belongs. A value opens only at the place it was sealed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding<'a> {
    /// The tenant's id.
    pub workspace_id: [u8; 16],
    /// Table and column, for instance `credential.sealed`.
    pub column: &'a str,
    /// The id of the row.
    pub row_id: [u8; 16],
    /// The generation of the value: each refresh counts it up.
    pub generation: i64,
    /// The key that seals it.
    pub key_id: u32,
}

impl Binding<'_> {
    /// The additional authenticated data. Every part has a fixed length or states it, so that no two
    /// places have the same bytes.
    pub fn to_aad(self) -> Vec<u8> {
        let mut aad = b"crier.sealed.v1\0".to_vec();
        aad.extend_from_slice(&self.workspace_id);
        aad.extend_from_slice(&(self.column.len() as u32).to_be_bytes());
        aad.extend_from_slice(self.column.as_bytes());
        aad.extend_from_slice(&self.row_id);
        aad.extend_from_slice(&self.generation.to_be_bytes());
        aad.extend_from_slice(&self.key_id.to_be_bytes());
        aad
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn another_format_is_refused_by_name() {
        let mut bytes = Sealed { key_id: 7, nonce: [1; 12], ciphertext: &[0; 16] }.to_bytes();
        bytes[0] = 9;
        assert_eq!(Sealed::parse(&bytes), Err(FormatError::Unknown { version: 9, algorithm: 1 }));
        assert_eq!(Sealed::parse(&bytes[..33]), Err(FormatError::Short(33)));
    }

    proptest! {
        #[test]
        fn parts_survive_the_way_through_bytes(
            key_id in any::<u32>(), nonce in any::<[u8; 12]>(), ciphertext in prop::collection::vec(any::<u8>(), 16..64),
        ) {
            let sealed = Sealed { key_id, nonce, ciphertext: &ciphertext };
            let bytes = sealed.to_bytes();
            prop_assert_eq!(Sealed::parse(&bytes), Ok(sealed));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Sealed::parse(&bytes);
        }

        #[test]
        fn places_that_differ_have_data_that_differs(
            a in (any::<[u8; 16]>(), "[a-z.]{0,12}", any::<[u8; 16]>(), any::<i64>(), any::<u32>()),
            b in (any::<[u8; 16]>(), "[a-z.]{0,12}", any::<[u8; 16]>(), any::<i64>(), any::<u32>()),
        ) {
            let aad = |p: &([u8; 16], String, [u8; 16], i64, u32)| {
                Binding { workspace_id: p.0, column: &p.1, row_id: p.2, generation: p.3, key_id: p.4 }.to_aad()
            };
            prop_assert_eq!(aad(&a) == aad(&b), a == b);
        }
    }
}
