//! Deliveries, taken apart: each account gets what is about it and nothing of others'.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::hex::hex;

/// The most parts of a delivery. What is beyond them belongs to no account.
const MAX_PARTS: usize = 1_000;
/// The most characters of a platform's name for an account.
const MAX_ID_CHARS: usize = 500;
/// The most bytes kept of a delivery that can't be read.
const MAX_UNREADABLE: usize = 65_536;
/// The most bytes of a delivery's id.
const MAX_KEY: usize = 200;

/// What is about one account.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    pub(crate) platform: &'static str,
    /// The account as the platform calls it, where the payload names one.
    pub(crate) external_id: Option<String>,
    pub(crate) payload: Value,
}

/// A delivery, taken apart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Received {
    /// The platform's own id of the delivery, where it has one that stays the same when it is sent again.
    pub(crate) id: Option<String>,
    pub(crate) parts: Vec<Part>,
}

impl Received {
    /// Of one part.
    pub(super) fn one(platform: &'static str, external_id: Option<String>, payload: Value) -> Self {
        Self { id: None, parts: vec![Part { platform, external_id, payload }] }
    }

    /// What a JSON object says; whatever else came can't be taken apart.
    pub(super) fn of_object(platform: &'static str, body: &[u8], read: impl FnOnce(Value) -> Self) -> Self {
        match serde_json::from_slice(body) {
            Ok(payload @ Value::Object(_)) => read(payload),
            _ => Self::unreadable(platform, body),
        }
    }

    /// What can't be taken apart is kept as it is, for no account.
    pub(super) fn unreadable(platform: &'static str, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(&body[..body.len().min(MAX_UNREADABLE)]);
        Self::one(platform, None, json!({ "unreadable": text }))
    }

    /// What makes the same delivery the same, however often it comes.
    pub(crate) fn key(&self, body: &[u8]) -> String {
        match self.id.as_deref().filter(|id| (1..=MAX_KEY).contains(&id.len()) && !id.contains('\0')) {
            Some(id) => format!("id:{id}"),
            None => format!("sha256:{}", hex(&Sha256::digest(body))),
        }
    }

    /// The same as the database takes it: no part too many, no id too long, no character that jsonb can't hold. `account`:
    /// whose all of it is, where that is known from the endpoint.
    pub(crate) fn tidy(mut self, platform: &'static str, account: Option<&str>) -> Self {
        if self.parts.len() > MAX_PARTS {
            let rest = self.parts.split_off(MAX_PARTS - 1);
            let payloads: Vec<Value> = rest.into_iter().map(|part| part.payload).collect();
            let payload = json!({ "left_over": payloads });
            self.parts.push(Part { platform, external_id: None, payload });
        }
        for part in &mut self.parts {
            clean(&mut part.payload);
            if let Some(account) = account {
                (part.platform, part.external_id) = (platform, Some(account.to_owned()));
            }
            part.external_id = part.external_id.take().filter(|id| {
                !id.trim().is_empty() && id.chars().count() <= MAX_ID_CHARS && !id.contains('\0')
            });
        }
        self
    }
}

/// An id that may be a text or a number.
pub(super) fn id_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A time such as `2026-11-18T23:26:40+00:00`, in seconds since 1970.
pub(super) fn time_of(value: &Value) -> Option<i64> {
    let text = value.as_str()?;
    let text = text.strip_suffix("+00:00").or(text.strip_suffix('Z')).unwrap_or(text);
    let at = humantime::parse_rfc3339_weak(text).ok()?;
    i64::try_from(at.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs()).ok()
}

/// Elements by the account that each is about, in the order in which the accounts come.
pub(super) fn by_account(
    elements: Vec<Value>,
    account_of: impl Fn(&Value) -> Option<String>,
) -> Vec<(Option<String>, Vec<Value>)> {
    let mut places = std::collections::HashMap::new();
    let mut groups: Vec<(Option<String>, Vec<Value>)> = Vec::new();
    for element in elements {
        let account = account_of(&element);
        let place = *places.entry(account.clone()).or_insert_with(|| {
            groups.push((account, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(element);
    }
    groups
}

/// An object of which some fields are left out: secrets that platforms put into payloads.
pub(super) fn without(mut payload: Value, fields: &[&str]) -> Value {
    if let Value::Object(object) = &mut payload {
        object.retain(|name, _| !fields.contains(&name.as_str()));
    }
    payload
}

/// Replaces the one character that Postgres has no place for.
fn clean(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => *text = text.replace('\0', "\u{fffd}"),
        Value::Array(elements) => elements.iter_mut().for_each(clean),
        Value::Object(object) => {
            object.values_mut().for_each(clean);
            if object.keys().any(|name| name.contains('\0')) {
                let fields = std::mem::take(object).into_iter();
                *object = fields
                    .map(|(name, value)| (name.replace('\0', "\u{fffd}"), value))
                    .collect::<Map<_, _>>();
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_the_id_or_a_hash_of_the_bytes() {
        let mut received = Received::one("slack", None, json!({}));
        let hash = received.key(b"{}");
        assert_eq!(hash, "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
        assert_ne!(hash, received.key(b"{ }"));
        received.id = Some("Ev1".into());
        assert_eq!(received.key(b"{}"), "id:Ev1");
        for odd in [String::new(), "x".repeat(201), "a\0".into()] {
            received.id = Some(odd);
            assert_eq!(received.key(b"{}"), hash);
        }
    }

    #[test]
    fn what_the_database_does_not_take_is_replaced() {
        let payload = json!({ "a\0": ["b\0", { "c": "\0" }], "n": 1 });
        let received = Received::one("x", Some("1\0".into()), payload).tidy("x", None);
        assert_eq!(
            received.parts[0].payload,
            json!({ "a\u{fffd}": ["b\u{fffd}", { "c": "\u{fffd}" }], "n": 1 })
        );
        assert_eq!(received.parts[0].external_id, None);
        let long = Received::one("x", Some("y".repeat(501)), json!({})).tidy("x", None);
        assert_eq!(long.parts[0].external_id, None);
        let bound = Received::one("x", Some("other".into()), json!({})).tidy("ghost", Some("site"));
        assert_eq!(bound.parts[0].external_id.as_deref(), Some("site"));
    }

    #[test]
    fn too_many_parts_are_one_for_nobody() {
        let part = |n: usize| Part { platform: "x", external_id: Some(n.to_string()), payload: json!(n) };
        let received = Received { id: None, parts: (0..1_500).map(part).collect() }.tidy("x", None);
        assert_eq!(received.parts.len(), MAX_PARTS);
        let last = &received.parts[MAX_PARTS - 1];
        assert_eq!(
            (&last.external_id, last.payload["left_over"].as_array().map(Vec::len)),
            (&None, Some(501))
        );
    }
}
