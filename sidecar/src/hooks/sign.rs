//! What signatures are made of. Every comparison takes the same time whatever is wrong, and every secret is tried.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::hex::unhex;

/// HMAC-SHA256 over some parts, one after the other.
pub(super) fn hmac(secret: &SecretString, parts: &[&[u8]]) -> Vec<u8> {
    begin(secret, parts).map_or_else(Vec::new, |mac| mac.finalize().into_bytes().to_vec())
}

/// Whether one of the secrets signed these parts so.
pub(super) fn is_hmac(secrets: &[SecretString], parts: &[&[u8]], signature: &[u8]) -> bool {
    let verify =
        |secret| begin(secret, parts).is_some_and(|mac: Hmac<Sha256>| mac.verify_slice(signature).is_ok());
    // no secret ends it early
    secrets.iter().map(verify).fold(false, |found, one| found | one)
}

/// The same with HMAC-SHA1, which WebSub has for its oldest senders.
pub(super) fn is_hmac_sha1(secrets: &[SecretString], body: &[u8], signature: &[u8]) -> bool {
    let verify = |secret: &SecretString| {
        let key = ring::hmac::Key::new(
            ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            secret.expose_secret().as_bytes(),
        );
        ring::hmac::verify(&key, body, signature).is_ok()
    };
    secrets.iter().map(verify).fold(false, |found, one| found | one)
}

/// Whether one of the keys, 32 bytes as hex, signed this by Ed25519.
pub(super) fn is_ed25519(keys: &[SecretString], message: &[u8], signature: &[u8]) -> bool {
    let verify = |key: &SecretString| {
        let Some(key) = unhex(key.expose_secret()) else { return false };
        let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, key);
        key.verify(message, signature).is_ok()
    };
    keys.iter().map(verify).fold(false, |found, one| found | one)
}

/// Whether a text is one of the secrets. Their lengths are no secret.
pub(super) fn is_one_of<'a>(secrets: impl IntoIterator<Item = &'a SecretString>, text: &str) -> bool {
    let same = |secret: &SecretString| bool::from(secret.expose_secret().as_bytes().ct_eq(text.as_bytes()));
    secrets.into_iter().map(same).fold(false, |found, one| found | one)
}

fn begin(secret: &SecretString, parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
    // HMAC takes keys of any length: this never fails
    let mut mac = Hmac::new_from_slice(secret.expose_secret().as_bytes()).ok()?;
    parts.iter().for_each(|part| mac.update(part));
    Some(mac)
}

/// `a=1, b=2` as names and values.
pub(super) fn pairs(header: &str) -> impl Iterator<Item = (&str, &str)> {
    header.split(',').filter_map(|pair| pair.trim().split_once('='))
}

/// The value of a name that stands there once.
pub(super) fn value_of<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let mut values = pairs(header).filter(|(known, _)| *known == name).map(|(_, value)| value);
    values.next().filter(|_| values.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::hex;

    fn secret(text: &str) -> SecretString {
        text.into()
    }

    #[test]
    fn hmac_is_that_of_its_rfc() {
        // RFC 4231, test case 2
        let digest = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let (key, data) = (secret("Jefe"), b"what do ya want for nothing?");
        assert_eq!(hex(&hmac(&key, &[&data[..]])), digest);
        assert_eq!(hex(&hmac(&key, &[&data[..7], &data[7..]])), digest);
        let signature = unhex(digest).unwrap();
        let others = [secret("other"), key];
        assert!(is_hmac(&others, &[data], &signature));
        assert!(!is_hmac(&others[..1], &[data], &signature));
        assert!(!is_hmac(&others, &[data], &signature[..31]) && !is_hmac(&others, &[data], b""));
        // RFC 2202, test case 2
        let sha1 = unhex("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79").unwrap();
        assert!(is_hmac_sha1(&others, data, &sha1) && !is_hmac_sha1(&others, b"", &sha1));
    }

    #[test]
    fn ed25519_is_that_of_its_rfc() {
        // RFC 8032, 7.1, test 2
        let key = secret("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        let signature = unhex(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        )
        .unwrap();
        assert!(is_ed25519(&[secret("no key"), key], &[0x72], &signature));
        let key = secret("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        assert!(!is_ed25519(&[key], &[0x73], &signature));
    }

    #[test]
    fn a_value_that_stands_there_twice_is_none() {
        assert_eq!(value_of("t=1,s=2", "t"), Some("1"));
        assert_eq!(value_of("sha256=a, t=2", "t"), Some("2"));
        assert_eq!(value_of("t=1,t=2", "t"), None);
        assert_eq!(value_of("t=1", "s"), None);
    }
}
