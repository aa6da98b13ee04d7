//! Events (NIP-01): what they are, and how their authors sign them.

use crier_core::error_class::ErrorClass;
use crier_core::platform::nostr::{self, Key};
use k256::schnorr::SigningKey;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::hex::{hex, unhex};
use crate::providers::Failure;

/// A short text.
pub(super) const TEXT: u32 = 1;
/// A request that events be deleted.
pub(super) const DELETION: u32 = 5;
/// A reaction.
pub(super) const REACTION: u32 = 7;

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) kind: u32,
    /// In seconds since 1970.
    pub(super) created_at: u64,
    pub(super) tags: Vec<Vec<String>>,
    pub(super) content: String,
}

/// An event, signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) pubkey: String,
    pub(super) created_at: u64,
    pub(super) kind: u32,
    pub(super) tags: Vec<Vec<String>>,
    pub(super) content: String,
    pub(super) sig: String,
}

impl Event {
    /// Nothing where its id is not the hash of what it says.
    pub(super) fn read(event: &Value) -> Option<Self> {
        let event = Self::deserialize(event).ok().filter(|_| event.is_object())?;
        let said = Said {
            kind: event.kind,
            created_at: event.created_at,
            tags: event.tags.clone(),
            content: event.content.clone(),
        };
        (hex(&hash(&event.pubkey, &said)) == event.id).then_some(event)
    }

    pub(super) fn key(&self) -> Option<Key> {
        key(&self.id)
    }

    pub(super) fn author(&self) -> Option<Key> {
        key(&self.pubkey)
    }
}

/// A key of 64 digits.
pub(super) fn key(digits: &str) -> Option<Key> {
    unhex(digits)?.try_into().ok()
}

fn hash(pubkey: &str, said: &Said) -> Key {
    let Said { kind, created_at, tags, content } = said;
    Sha256::digest(json!([0, pubkey, created_at, kind, tags, content]).to_string().as_bytes()).into()
}

/// Who signs.
pub(super) struct Author(SigningKey);

impl Author {
    /// From `nsec1…` or 64 digits.
    pub(super) fn of(secret: &SecretString) -> Result<Self, Failure> {
        let key = nostr::secret_key(secret.expose_secret().trim()).map(Zeroizing::new);
        let key = key.and_then(|key| SigningKey::from_slice(key.as_slice()).ok());
        let message = "that is not a secret key: nsec1…, or 64 digits";
        key.map(Self).ok_or_else(|| Failure::new(ErrorClass::AuthRevoked, message))
    }

    /// The public key.
    pub(super) fn key(&self) -> Key {
        self.0.verifying_key().to_bytes().into()
    }

    /// Signs (BIP-340).
    pub(super) fn sign(&self, said: Said) -> Result<Event, Failure> {
        let pubkey = hex(&self.key());
        let id = hash(&pubkey, &said);
        let mut random = [0; 32];
        let signed = getrandom::fill(&mut random).ok().and_then(|()| self.0.sign_raw(&id, &random).ok());
        let signed =
            signed.ok_or_else(|| Failure::new(ErrorClass::Transient, "the event could not be signed"))?;
        let Said { kind, created_at, tags, content } = said;
        Ok(Event { id: hex(&id), pubkey, created_at, kind, tags, content, sig: hex(&signed.to_bytes()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k256::schnorr::{Signature, VerifyingKey};

    fn said(content: &str) -> Said {
        Said {
            kind: TEXT,
            created_at: 1_795_000_000,
            tags: vec![vec!["t".into(), "a".into()]],
            content: content.into(),
        }
    }

    #[test]
    fn an_event_is_signed_by_its_author() {
        let author =
            Author::of(&"nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5".into()).unwrap();
        let event = author.sign(said("Grüße\n\"🎉\" \\ \u{7f}")).unwrap();
        let verifier = VerifyingKey::from_slice(&event.author().unwrap()).unwrap();
        let signature = Signature::from_slice(&unhex(&event.sig).unwrap()).unwrap();
        assert!(verifier.verify_raw(&event.key().unwrap(), &signature).is_ok());
        assert_eq!(Event::read(&json!(event)), Some(event.clone()));
        // the id is that of what is said, whoever signs it when
        let again = author.sign(said("Grüße\n\"🎉\" \\ \u{7f}")).unwrap();
        assert_eq!(again.id, event.id);
        assert_ne!(author.sign(said("Grüße")).unwrap().id, event.id);
        for (field, odd) in
            [("content", json!("other")), ("created_at", json!(1)), ("id", json!("0")), ("tags", json!([]))]
        {
            let mut other = json!(event);
            other[field] = odd;
            assert_eq!(Event::read(&other), None, "{field}");
        }
        assert_eq!(Event::read(&json!([1, 2])), None);
    }

    #[test]
    fn an_event_has_the_id_that_others_give_it() {
        // written by another program
        let event = json!({
            "id": "dc90c95f09947507c1044e8f48bcf6350aa6bff1507dd4acfc755b9239b5c962",
            "pubkey": "3bf0c63fcb93463407af97a5e5ee64fa883d107ef9e558472c4eb9aaaefa459d",
            "created_at": 1_644_271_588, "kind": 1, "tags": [],
            "content": "now that https://blueskyweb.org/blog/2-7-2022-overview was announced we can stop working on nostr?",
            "sig": "230e9d8f0ddaf7eb70b5f7741ccfa37e87a455c9a469282e3464e2052d3192cd63a167e196e381ef9d7e69e9ea43af2443b839974dc85d8aaab9efe1d9296524",
        });
        let event = Event::read(&event).expect("its id is its hash");
        let verifier = VerifyingKey::from_slice(&event.author().unwrap()).unwrap();
        let signature = Signature::from_slice(&unhex(&event.sig).unwrap()).unwrap();
        assert!(verifier.verify_raw(&event.key().unwrap(), &signature).is_ok());
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for odd in
            ["", "nsec1", "npub10elfcs4fr0l0r8af98jlmgdh9c8tcxjvz9qkw038js35mp4dma8qzvjptg", &"0".repeat(64)]
        {
            assert_eq!(
                Author::of(&odd.into()).err().map(|failure| failure.class),
                Some(ErrorClass::AuthRevoked),
                "{odd}"
            );
        }
    }
}
