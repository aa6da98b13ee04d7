//! Format 2: a value sealed with a data key, and the data key itself as a key of the key file wraps it.
//!
//! ```text
//! value:     version (2) | algorithm (2) | data key id (16) | nonce (24) | ciphertext and tag (at least 16)
//! data key:  version (2) | algorithm (2) | key id (4, big endian) | nonce (24) | ciphertext (32) and tag (16)
//! ```
//! Algorithm 2 is AES-256-GCM with a key and an initialization vector of the message's own: HKDF-SHA256 makes both from the
//! data key, or the key of the key file, and the nonce.

use super::{FormatError, TAG_LEN};

/// The version of the format.
pub const VERSION: u8 = 2;
/// AES-256-GCM under a key that HKDF-SHA256 derives for each message.
pub const HKDF_AES_256_GCM: u8 = 2;
/// Bytes of a nonce.
pub const NONCE_LEN: usize = 24;
/// Bytes of a key, whether of the key file or of data.
pub const KEY_LEN: usize = 32;
/// Bytes before the ciphertext of a value.
pub const HEADER_LEN: usize = 2 + 16 + NONCE_LEN;
/// Bytes of the shortest value.
pub const MIN_LEN: usize = HEADER_LEN + TAG_LEN;
/// Bytes of a wrapped data key.
pub const WRAPPED_LEN: usize = 2 + 4 + NONCE_LEN + KEY_LEN + TAG_LEN;

/// The parts of a value that a data key sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enveloped<'a> {
    /// Which data key sealed it.
    pub data_key_id: [u8; 16],
    /// The nonce.
    pub nonce: [u8; NONCE_LEN],
    /// Ciphertext followed by the tag.
    pub ciphertext: &'a [u8],
}

impl<'a> Enveloped<'a> {
    /// Takes a value apart.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let rest = after_version(bytes)?;
        let short = FormatError::Short(bytes.len());
        let (Some((data_key_id, rest)), true) = (rest.split_first_chunk(), bytes.len() >= MIN_LEN) else {
            return Err(short);
        };
        let (nonce, ciphertext) = rest.split_first_chunk().ok_or(short)?;
        Ok(Self { data_key_id: *data_key_id, nonce: *nonce, ciphertext })
    }

    /// Puts a value together.
    pub fn to_bytes(self) -> Vec<u8> {
        [&[VERSION, HKDF_AES_256_GCM][..], &self.data_key_id, &self.nonce, self.ciphertext].concat()
    }
}

/// The parts of a wrapped data key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrapped<'a> {
    /// Which key of the key file wraps it.
    pub key_id: u32,
    /// The nonce.
    pub nonce: [u8; NONCE_LEN],
    /// Ciphertext followed by the tag.
    pub ciphertext: &'a [u8],
}

impl<'a> Wrapped<'a> {
    /// Takes a wrapped key apart.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let rest = after_version(bytes)?;
        let short = FormatError::Short(bytes.len());
        let (Some((key_id, rest)), true) = (rest.split_first_chunk(), bytes.len() == WRAPPED_LEN) else {
            return Err(short);
        };
        let (nonce, ciphertext) = rest.split_first_chunk().ok_or(short)?;
        Ok(Self { key_id: u32::from_be_bytes(*key_id), nonce: *nonce, ciphertext })
    }

    /// Puts a wrapped key together.
    pub fn to_bytes(self) -> Vec<u8> {
        let key_id = self.key_id.to_be_bytes();
        [&[VERSION, HKDF_AES_256_GCM][..], &key_id, &self.nonce, self.ciphertext].concat()
    }
}

fn after_version(bytes: &[u8]) -> Result<&[u8], FormatError> {
    match bytes {
        [VERSION, HKDF_AES_256_GCM, rest @ ..] => Ok(rest),
        [version, algorithm, ..] => Err(FormatError::Unknown { version: *version, algorithm: *algorithm }),
        _ => Err(FormatError::Short(bytes.len())),
    }
}

/// Where a value belongs. A value opens only at the place it was sealed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding<'a> {
    /// The tenant's id; the nil id for the installation.
    pub workspace_id: [u8; 16],
    /// Table and column, for instance `credential.sealed`.
    pub column: &'a str,
    /// The id of the row.
    pub row_id: [u8; 16],
    /// The generation of the value: each refresh counts it up.
    pub generation: i64,
    /// The data key that seals it.
    pub data_key_id: [u8; 16],
}

impl Binding<'_> {
    /// The additional authenticated data. Every part has a fixed length or states it, so that no two places have the same
    /// bytes.
    pub fn to_aad(self) -> Vec<u8> {
        let mut aad = b"crier.sealed.v2\0".to_vec();
        aad.extend_from_slice(&self.workspace_id);
        aad.extend_from_slice(&(self.column.len() as u32).to_be_bytes());
        aad.extend_from_slice(self.column.as_bytes());
        aad.extend_from_slice(&self.row_id);
        aad.extend_from_slice(&self.generation.to_be_bytes());
        aad.extend_from_slice(&self.data_key_id);
        aad
    }
}

/// Whose a data key is: it opens only for its workspace, under its own id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyBinding {
    /// The tenant's id; the nil id for the installation.
    pub workspace_id: [u8; 16],
    /// The data key's id.
    pub data_key_id: [u8; 16],
    /// The key of the key file that wraps it.
    pub key_id: u32,
}

impl KeyBinding {
    /// The additional authenticated data, all parts of fixed length.
    pub fn to_aad(self) -> Vec<u8> {
        let key_id = self.key_id.to_be_bytes();
        [&b"crier.data_key.v2\0"[..], &self.workspace_id, &self.data_key_id, &key_id].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealed::{AnySealed, Sealed};
    use proptest::prelude::*;

    #[test]
    fn another_format_is_refused_by_name() {
        let mut bytes = Enveloped { data_key_id: [7; 16], nonce: [1; 24], ciphertext: &[0; 16] }.to_bytes();
        assert_eq!(Enveloped::parse(&bytes[..57]), Err(FormatError::Short(57)));
        assert_eq!(Enveloped::parse(&bytes[..1]), Err(FormatError::Short(1)));
        bytes[1] = 9;
        assert_eq!(AnySealed::parse(&bytes), Err(FormatError::Unknown { version: 2, algorithm: 9 }));
        bytes[0] = 3;
        assert_eq!(AnySealed::parse(&bytes), Err(FormatError::Unknown { version: 3, algorithm: 9 }));
    }

    #[test]
    fn a_wrapped_key_has_one_length() {
        let bytes = Wrapped { key_id: 9, nonce: [1; 24], ciphertext: &[0; 48] }.to_bytes();
        assert_eq!(bytes.len(), WRAPPED_LEN);
        assert!(Wrapped::parse(&bytes).is_ok());
        assert_eq!(Wrapped::parse(&bytes[1..]), Err(FormatError::Unknown { version: 2, algorithm: 0 }));
        assert_eq!(Wrapped::parse(&bytes[..77]), Err(FormatError::Short(77)));
        assert!(Wrapped::parse(&[&bytes[..], &[0]].concat()).is_err());
    }

    proptest! {
        #[test]
        fn parts_survive_the_way_through_bytes(
            data_key_id in any::<[u8; 16]>(), key_id in any::<u32>(), nonce in any::<[u8; 24]>(),
            ciphertext in prop::collection::vec(any::<u8>(), 16..64), wrapped in any::<[u8; 48]>(),
        ) {
            let value = Enveloped { data_key_id, nonce, ciphertext: &ciphertext };
            let bytes = value.to_bytes();
            prop_assert_eq!(AnySealed::parse(&bytes), Ok(AnySealed::Enveloped(value)));
            let key = Wrapped { key_id, nonce, ciphertext: &wrapped };
            let bytes = key.to_bytes();
            prop_assert_eq!(Wrapped::parse(&bytes), Ok(key));
            let direct = Sealed { key_id, nonce: [1; 12], ciphertext: &ciphertext };
            let bytes = direct.to_bytes();
            prop_assert_eq!(AnySealed::parse(&bytes), Ok(AnySealed::Direct(direct)));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = (AnySealed::parse(&bytes), Wrapped::parse(&bytes));
            let _ = (Enveloped::parse(&[&[2, 2], &bytes[..]].concat()), Wrapped::parse(&[&[2, 2], &bytes[..]].concat()));
        }

        #[test]
        fn places_that_differ_have_data_that_differs(
            a in (any::<[u8; 16]>(), "[a-z.]{0,12}", any::<[u8; 16]>(), any::<i64>(), any::<[u8; 16]>()),
            b in (any::<[u8; 16]>(), "[a-z.]{0,12}", any::<[u8; 16]>(), any::<i64>(), any::<[u8; 16]>()),
        ) {
            let aad = |p: &([u8; 16], String, [u8; 16], i64, [u8; 16])| {
                Binding { workspace_id: p.0, column: &p.1, row_id: p.2, generation: p.3, data_key_id: p.4 }.to_aad()
            };
            prop_assert_eq!(aad(&a) == aad(&b), a == b);
        }
    }
}
