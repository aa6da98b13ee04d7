//! Keys of ES256 (ECDSA on P-256) and the JSON Web Tokens they sign (RFC 7515, 7517, 7518): proofs of DPoP, and what an app
//! says who it is with.
//!
//! `ring` signs, as it does in TLS. It does not wipe what it takes out of a key, so a key is taken apart for one signature at a
//! time; what is kept is its PKCS #8 form, which is wiped.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::Error;

/// A private key. `Debug` shows none of it.
#[derive(Clone)]
pub struct Es256 {
    /// PKCS #8 in base64url.
    pkcs8: SecretString,
    /// The point's coordinates in base64url.
    x: String,
    y: String,
}

impl fmt::Debug for Es256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Es256({})", self.thumbprint())
    }
}

impl Es256 {
    /// A new key.
    pub(crate) fn generate() -> Result<Self, Error> {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
            .map_err(|_| Error::Refused("no random bytes for a key".into()))?;
        Self::of_pkcs8(&Zeroizing::new(document.as_ref().to_vec()))
    }

    /// Every key of a PEM file (`BEGIN PRIVATE KEY`), in its order. What is wrong quotes nothing.
    pub(crate) fn all_of_pem(text: &[u8]) -> Result<Vec<Self>, String> {
        let keys = PrivatePkcs8KeyDer::pem_slice_iter(text).map(|key| {
            let key = key.map_err(|_| "it is not PEM".to_owned())?;
            Self::of_pkcs8(key.secret_pkcs8_der()).map_err(|error| error.to_string())
        });
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err("it holds no PRIVATE KEY".into()) } else { Ok(keys) }
    }

    fn of_pkcs8(der: &[u8]) -> Result<Self, Error> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &SystemRandom::new())
            .map_err(|_| Error::Refused("a key is not one of P-256 in PKCS #8".into()))?;
        // uncompressed: 4, x, y
        let [4, point @ ..] = pair.public_key().as_ref() else {
            return Err(Error::Refused("a key's point is compressed".into()));
        };
        let (x, y) = point.split_at(point.len() / 2);
        Ok(Self {
            pkcs8: URL_SAFE_NO_PAD.encode(der).into(),
            x: URL_SAFE_NO_PAD.encode(x),
            y: URL_SAFE_NO_PAD.encode(y),
        })
    }

    /// As it is kept, sealed. [`Deserialize`] reads it.
    pub(crate) fn kept(&self) -> &SecretString {
        &self.pkcs8
    }

    /// Its public half.
    pub(crate) fn jwk(&self) -> Value {
        json!({ "kty": "EC", "crv": "P-256", "x": self.x, "y": self.y })
    }

    /// The name of the key (RFC 7638).
    pub(crate) fn thumbprint(&self) -> String {
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, self.x, self.y);
        URL_SAFE_NO_PAD.encode(Sha256::digest(canonical))
    }

    /// Signs a token.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> Result<SecretString, Error> {
        let refused = || Error::Refused("a token could not be signed".into());
        let random = SystemRandom::new();
        let der = Zeroizing::new(URL_SAFE_NO_PAD.decode(self.pkcs8.expose_secret()).map_err(|_| refused())?);
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der, &random)
            .map_err(|_| refused())?;
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = pair.sign(&random, signed.as_bytes()).map_err(|_| refused())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
    }
}

impl<'de> Deserialize<'de> for Es256 {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let odd = || serde::de::Error::custom("not a key");
        let text = SecretString::deserialize(from)?;
        let der = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.expose_secret()).map_err(|_| odd())?);
        Self::of_pkcs8(&der).map_err(|_| odd())
    }
}

/// What a token says, its signature checked.
#[cfg(test)]
pub(crate) fn verified(token: &str, jwk: &Value) -> (Value, Value) {
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let parts: Vec<_> = token.split('.').collect();
    let [header, claims, signature] = parts[..] else { panic!("{token}") };
    let coordinate = |name: &str| bytes(jwk[name].as_str().unwrap());
    let point: Vec<_> = [4].into_iter().chain(coordinate("x")).chain(coordinate("y")).collect();
    let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ECDSA_P256_SHA256_FIXED, point);
    key.verify(format!("{header}.{claims}").as_bytes(), &bytes(signature)).expect("the signature");
    let read = |text: &str| serde_json::from_slice(&bytes(text)).unwrap();
    (read(header), read(claims))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_signed_by_its_key_and_no_other() {
        let (key, other) = (Es256::generate().unwrap(), Es256::generate().unwrap());
        let token = key.sign(&json!({ "alg": "ES256" }), &json!({ "a": 1 })).unwrap();
        assert_eq!(
            verified(token.expose_secret(), &key.jwk()),
            (json!({ "alg": "ES256" }), json!({ "a": 1 }))
        );
        let by_other = std::panic::catch_unwind(|| verified(token.expose_secret(), &other.jwk()));
        assert!(by_other.is_err(), "another key opens it");
    }

    #[test]
    fn a_key_is_kept_and_read_back() {
        let key = Es256::generate().unwrap();
        let again: Es256 = serde_json::from_value(json!(key.kept().expose_secret())).unwrap();
        assert_eq!((again.jwk(), again.thumbprint()), (key.jwk(), key.thumbprint()));
        for odd in ["", "AAAA", "!", "canary"] {
            let refused = serde_json::from_value::<Es256>(json!(odd)).unwrap_err().to_string();
            assert!(!refused.contains("canary"), "{refused}");
        }
        assert!(!format!("{key:?}").contains(&key.kept().expose_secret()[40..60]));
    }

    fn pem(key: &Es256) -> String {
        let der = URL_SAFE_NO_PAD.decode(key.kept().expose_secret()).unwrap();
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
    }

    #[test]
    fn a_pem_file_has_keys_in_their_order() {
        let keys = [Es256::generate().unwrap(), Es256::generate().unwrap()];
        let file = format!("# the old one\n{}# the new one\n{}", pem(&keys[0]), pem(&keys[1]));
        let read = Es256::all_of_pem(file.as_bytes()).unwrap();
        assert_eq!(read.len(), 2);
        assert!(read.iter().zip(&keys).all(|(read, key)| read.jwk() == key.jwk()));
        for odd in [
            "",
            "# nothing\n",
            "-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\n",
            "-----BEGIN PRIVATE KEY-----\ncanary\n",
            "-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n",
        ] {
            let refused = Es256::all_of_pem(odd.as_bytes()).unwrap_err();
            assert!(!refused.contains("Y2FuYXJ5") && !refused.contains("canary"), "{refused}");
        }
    }

    #[test]
    fn a_key_has_the_name_of_the_rfc() {
        // RFC 9449, sections 4.1 and 6.1
        let (x, y) =
            ("l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs", "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA");
        let key = Es256 { pkcs8: "".into(), x: x.into(), y: y.into() };
        assert_eq!(key.thumbprint(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    }
}
