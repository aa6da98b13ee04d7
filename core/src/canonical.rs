//! One text for all spellings of a JSON value, and its hash: whether two jobs have the same params.
//!
//! Equal are what Postgres' `jsonb` calls equal: the order of keys, white space and escapes don't count, the last of
//! several equal keys does, and numbers are compared by value, however many digits they have. Strings are compared
//! by code points: `é` as one character and as `e` with an accent differ, as in Postgres, because no Unicode
//! normalisation takes place.
//!
//! The canonical text is JSON itself: keys sorted by their UTF-8 bytes, no white space, only `"`, `\` and control
//! characters escaped, and a number as its digits without zeros at either end, followed by an exponent if it has one:
//! `100` is `1e2`, `-1.50` is `-15e-1`. So no exponent takes more room than it has digits.
//!
//! Nesting is as deep as the text is long: nothing here recurses, and memory is used in proportion to the text.

mod number;
mod parse;
#[cfg(test)]
mod tests;
mod write;

use sha2::{Digest, Sha256};

/// Why a text has no canonical form. Places are in bytes; the first is 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// Not JSON.
    #[error("not JSON: expected {expected} at byte {at}")]
    Syntax {
        /// Where.
        at: usize,
        /// What could stand there.
        expected: &'static str,
    },
    /// Half of a surrogate pair, which is no character.
    #[error("\\u at byte {at} is half of a surrogate pair")]
    LoneSurrogate {
        /// Where the escape begins.
        at: usize,
    },
    /// A number whose exponent has no room in 64 bits.
    #[error("the exponent of the number at byte {at} doesn't fit into 64 bits")]
    Exponent {
        /// Where the number begins.
        at: usize,
    },
}

/// The canonical form of a JSON text.
///
/// ```
/// # use crier_core::canonical::canonical;
/// let text = canonical(r#" {"b": 1.50, "a": "\u00e9", "b": [100]} "#);
/// assert_eq!(text.as_deref(), Ok(r#"{"a":"é","b":[1e2]}"#));
/// ```
///
/// # Errors
/// What is not JSON, lone surrogates, and exponents beyond 64 bits.
pub fn canonical(text: &str) -> Result<String, CanonicalError> {
    Ok(write::text(&parse::tree(text)?, text.len()))
}

/// The SHA-256 of the canonical form.
///
/// # Errors
/// As [`canonical`].
pub fn hash(text: &str) -> Result<[u8; 32], CanonicalError> {
    Ok(Sha256::digest(canonical(text)?).into())
}
