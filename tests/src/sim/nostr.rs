//! A relay of Nostr (NIP-01). It takes what is signed, once, shows it by its id, and forgets what its author asks it to (NIP-09).

use std::collections::BTreeMap;

use bytes::Bytes;
use hyper::{Method, Request, Response, StatusCode};
use k256::schnorr::{Signature, VerifyingKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Refusal;
use super::kit::{Common, NewPost, Rules, Service};
use super::websocket::{self, ID};
use crate::serve;

/// The simulated relay.
#[derive(Default)]
pub struct Nostr {
    /// By their ids. What is deleted is null.
    events: BTreeMap<String, Value>,
    /// Why it takes nothing.
    refuses: Option<String>,
    /// Why it shows nothing.
    closes: Option<String>,
}

fn lines(messages: &[Value]) -> Response<Bytes> {
    let lines: Vec<_> = messages.iter().map(Value::to_string).collect();
    serve::plain(StatusCode::OK, &lines.join("\n"))
}

/// What a secret key signs for; nothing where it is none.
pub fn public_key(secret: &str) -> Option<String> {
    let key = crier_core::platform::nostr::secret_key(secret)?;
    let key = k256::schnorr::SigningKey::from_slice(&key).ok()?;
    Some(hex(&key.verifying_key().to_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()).collect()
}

/// Whether an event is what its id and its signature say.
fn is_signed(event: &Value) -> bool {
    let said =
        json!([0, event["pubkey"], event["created_at"], event["kind"], event["tags"], event["content"]]);
    let id = Sha256::digest(said.to_string().as_bytes());
    let bytes = |name: &str| unhex(event[name].as_str()?);
    let key = bytes("pubkey").and_then(|key| VerifyingKey::from_slice(&key).ok());
    let signature = bytes("sig").and_then(|sig| Signature::from_slice(&sig).ok());
    let is_its = key.zip(signature).is_some_and(|(key, signature)| key.verify_raw(&id, &signature).is_ok());
    event["id"] == hex(&id).as_str() && is_its
}

impl Nostr {
    fn take(&mut self, common: &mut Common, event: &Value) -> Response<Bytes> {
        let id = event["id"].as_str().unwrap_or_default().to_owned();
        let ok = |taken: bool, why: &str| lines(&[json!(["OK", id, taken, why])]);
        if let Some(why) = &self.refuses {
            return ok(false, why);
        }
        if !is_signed(event) {
            return ok(false, "invalid: bad signature");
        }
        if self.events.contains_key(&id) {
            return ok(false, "duplicate: exists");
        }
        self.events.insert(id.clone(), event.clone());
        let author = event["pubkey"].as_str().unwrap_or_default().to_owned();
        let tags = event["tags"].as_array().cloned().unwrap_or_default();
        let named = |name: &str| {
            tags.iter()
                .filter(|tag| tag[0] == name)
                .filter_map(|tag| tag[1].as_str())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        match event["kind"].as_u64() {
            Some(1) => {
                let handle = common.accounts.handle_of(&author).to_owned();
                common.shelf.publish(NewPost {
                    key: id.clone(),
                    text: event["content"].as_str().unwrap_or_default().to_owned(),
                    uri: format!("nostr:{id}"),
                    reply_to: named("e").pop(),
                    more: event.clone(),
                    account: author,
                    handle,
                    id: id.clone(),
                    ..NewPost::default()
                });
            }
            Some(5) => {
                for gone in named("e") {
                    let is_own =
                        self.events.get(&gone).is_some_and(|event| event["pubkey"] == author.as_str());
                    if is_own && common.shelf.remove(&gone) {
                        self.events.insert(gone, Value::Null);
                    }
                }
            }
            _ => {}
        }
        ok(true, "")
    }

    /// A text that is published late is not shown yet.
    fn show(&self, common: &Common, name: &Value, filter: &Value) -> Response<Bytes> {
        if let Some(why) = &self.closes {
            return lines(&[json!(["CLOSED", name, why])]);
        }
        let ids = filter["ids"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let events = ids.filter_map(|id| self.events.get(id).filter(|event| !event.is_null()));
        let is_late = |event: &Value| {
            let id = event["id"].as_str().unwrap_or_default();
            common.shelf.find(id).is_some() && common.shelf.read(id).is_none()
        };
        let mut messages: Vec<_> =
            events.filter(|event| !is_late(event)).map(|event| json!(["EVENT", name, event])).collect();
        messages.push(json!(["EOSE", name]));
        lines(&messages)
    }
}

impl Service for Nostr {
    const NAME: &'static str = "nostr";
    const RULES: Rules = Rules::PASTED;

    /// Messages are named by their first word.
    fn call<'a>(_method: &Method, path: &'a str) -> &'a str {
        if path.is_empty() { "connect" } else { path }
    }

    fn answer(
        &mut self,
        common: &mut Common,
        call: &str,
        _path: &str,
        request: &Request<Bytes>,
    ) -> Response<Bytes> {
        let said: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        match call {
            "connect" => websocket::accept(request),
            "EVENT" => self.take(common, &said[1]),
            "REQ" => self.show(common, &said[1], &said[2]),
            _ => lines(&[json!(["NOTICE", "there is no such message"])]),
        }
    }

    fn refusal(&self, refusal: Refusal) -> Response<Bytes> {
        let why = match refusal {
            Refusal::RateLimited(_) => "rate-limited: slow down there chief",
            Refusal::Unauthorized | Refusal::ExpiredToken => "restricted: not for you",
            Refusal::Odd => return lines(&[json!(["OK", ID, "no", 7])]),
            Refusal::Nul => "invalid: before\0after\u{1b}[2J",
            Refusal::ServerError | Refusal::InSuccess => "error: could not connect to the database",
        };
        lines(&[json!(["OK", ID, false, why]), json!(["CLOSED", ID, why])])
    }

    /// The secret key says whose it is.
    fn id_of(&self, _handle: &str, secret: &str) -> Result<String, String> {
        public_key(secret).ok_or_else(|| "the secret must be a secret key".to_owned())
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<bool, String> {
        let why = value.as_str().map(str::to_owned);
        match name {
            "refuses" => self.refuses = why,
            "closes" => self.closes = why,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// How many events of each kind it has.
    fn figures(&self) -> Value {
        let mut kinds = BTreeMap::<String, u64>::new();
        for event in self.events.values().filter(|event| !event.is_null()) {
            *kinds.entry(event["kind"].to_string()).or_default() += 1;
        }
        json!(kinds)
    }
}
