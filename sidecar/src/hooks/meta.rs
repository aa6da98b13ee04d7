//! Facebook, Instagram and Threads: one scheme, three platforms. Also their "deauthorize" callback, a signed form that is sent to the
//! same address.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::part::{Part, Received, by_account, id_of};
use super::sign::{is_hmac, is_one_of};
use super::{Answer, Delivery, Findings, Keys, Query, Refusal, Scheme, TOLERANCE, any_secret, no_ping};
use crate::hex::unhex;

pub(super) const FACEBOOK: Scheme = scheme("facebook", read::<0>);
pub(super) const INSTAGRAM: Scheme = scheme("instagram", read::<1>);
pub(super) const THREADS: Scheme = scheme("threads", read::<2>);
const PLATFORMS: [&str; 3] = ["facebook", "instagram", "threads"];

const FORM: &str = "application/x-www-form-urlencoded";
/// How old a signed form may be. Nobody says that it is signed anew when it is sent again, and one that comes again is known by
/// its bytes for so long.
const MAX_FORM_AGE: i64 = 30 * 24 * 60 * 60;

const fn scheme(platform: &'static str, read: fn(&Delivery<'_>) -> Received) -> Scheme {
    Scheme {
        platform,
        media_types: &["application/json", FORM],
        check_secret: any_secret,
        needs_token: true,
        verify,
        handshake: Some(handshake),
        ping: no_ping,
        read,
        interpret,
        stored: 200,
    }
}

fn is_form(delivery: &Delivery<'_>) -> bool {
    Delivery::media_type(delivery.headers).as_deref() == Some(FORM)
}

fn verify(delivery: &Delivery<'_>, keys: &Keys) -> Result<(), Refusal> {
    if is_form(delivery) {
        return signed_request(delivery, keys).map(drop);
    }
    let header = delivery.header("x-hub-signature-256")?;
    let signature = header.strip_prefix("sha256=").and_then(unhex).ok_or(Refusal::Malformed)?;
    if is_hmac(&keys.secrets, &[delivery.body], &signature) { Ok(()) } else { Err(Refusal::WrongSignature) }
}

/// The two halves of a form's `signed_request`: a signature, and what it is over.
fn halves(body: &[u8]) -> Result<(Vec<u8>, String), Refusal> {
    let mut found = url::form_urlencoded::parse(body).filter(|(name, _)| name == "signed_request");
    let (Some((_, request)), None) = (found.next(), found.next()) else { return Err(Refusal::Unsigned) };
    let (signature, payload) = request.split_once('.').ok_or(Refusal::Malformed)?;
    let signature = unpadded(signature).ok_or(Refusal::Malformed)?;
    Ok((signature, payload.to_owned()))
}

fn unpadded(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

/// The JSON in a form, once its signature holds.
fn signed_request(delivery: &Delivery<'_>, keys: &Keys) -> Result<Value, Refusal> {
    let (signature, payload) = halves(delivery.body)?;
    if !is_hmac(&keys.secrets, &[payload.as_bytes()], &signature) {
        return Err(Refusal::WrongSignature);
    }
    let json = payload_of(&payload).ok_or(Refusal::Malformed)?;
    // what is signed says how: nothing but this was ever used
    if !json["algorithm"].as_str().is_some_and(|name| name.eq_ignore_ascii_case("HMAC-SHA256")) {
        return Err(Refusal::Malformed);
    }
    match json["issued_at"].as_i64() {
        None => Ok(json),
        Some(at) if at <= delivery.now + TOLERANCE && at >= delivery.now - MAX_FORM_AGE => Ok(json),
        Some(_) => Err(Refusal::WrongTime),
    }
}

fn payload_of(payload: &str) -> Option<Value> {
    serde_json::from_slice(&unpadded(payload)?).ok()
}

fn handshake(query: &Query, keys: &Keys) -> Result<Answer, Refusal> {
    if query.get("hub.mode") != Some("subscribe") {
        return Err(Refusal::NoHandshake);
    }
    let token = query.get("hub.verify_token").ok_or(Refusal::WrongToken)?;
    if !is_one_of(&keys.verify_token, token) {
        return Err(Refusal::WrongToken);
    }
    query.challenge("hub.challenge").map(|challenge| Answer::Text(challenge.to_owned()))
}

fn read<const WHICH: usize>(delivery: &Delivery<'_>) -> Received {
    let platform = PLATFORMS[WHICH];
    if is_form(delivery) {
        let payload = halves(delivery.body).ok().and_then(|(_, payload)| payload_of(&payload));
        let Some(payload) = payload else { return Received::unreadable(platform, delivery.body) };
        let account = id_of(&payload["user_id"]);
        let payload = json!({ "deauthorized": { "user_id": account, "issued_at": payload["issued_at"] } });
        return Received::one(platform, account, payload);
    }
    match serde_json::from_slice(delivery.body) {
        Ok(Value::Object(mut object)) => {
            let Some(Value::Array(entries)) = object.remove("entry") else {
                return Received::one(platform, None, Value::Object(object));
            };
            let of = object.remove("object").unwrap_or_default();
            let platform = platform_of(&of).unwrap_or(platform);
            let groups = by_account(entries, |entry| id_of(&entry["id"]));
            let part = |(external_id, entry)| {
                let payload = json!({ "object": of, "entry": entry });
                Part { platform, external_id, payload }
            };
            Received { id: None, parts: groups.into_iter().map(part).collect() }
                .or_empty(platform, delivery.body)
        }
        _ => Received::unreadable(platform, delivery.body),
    }
}

impl Received {
    /// A delivery without any entry still has one part.
    fn or_empty(self, platform: &'static str, body: &[u8]) -> Self {
        if self.parts.is_empty() { Self::unreadable(platform, body) } else { self }
    }
}

/// One app has one address for all of its products.
fn platform_of(object: &Value) -> Option<&'static str> {
    match object.as_str()? {
        "page" | "user" | "permissions" => Some("facebook"),
        "instagram" => Some("instagram"),
        "threads" => Some("threads"),
        _ => None,
    }
}

fn interpret(payload: &Value) -> Findings {
    if let Some(deauthorized) = payload.get("deauthorized") {
        let revoked = Some(deauthorized["issued_at"].as_i64());
        return Findings { revoked, ..Findings::kind("deauthorized") };
    }
    let entries = payload["entry"].as_array().into_iter().flatten();
    let kinds = entries.flat_map(|entry| {
        let changes = entry["changes"].as_array().into_iter().flatten();
        // what is about messages has no changes, but a list of its own
        let lists = ["messaging", "standby"].into_iter().filter(|list| entry[*list].is_array());
        changes.filter_map(kind_of).chain(lists.map(str::to_owned)).collect::<Vec<_>>()
    });
    let kinds: Vec<String> = kinds.collect();
    if kinds.is_empty() { Findings::kind("unknown") } else { Findings { kinds, ..Findings::default() } }
}

/// `comments`, or with more detail `feed.comment.add`.
fn kind_of(change: &Value) -> Option<String> {
    let mut kind = change["field"].as_str()?.to_owned();
    for detail in ["item", "verb"] {
        if let Some(detail) = change["value"][detail].as_str() {
            kind = format!("{kind}.{detail}");
        }
    }
    Some(kind)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::*;

    fn keys(secret: &str) -> Keys {
        Keys { secrets: vec![secret.into()], verify_token: Some("meta-token".into()) }
    }

    fn form(body: &str, now: i64, keys: &Keys) -> Result<Value, Refusal> {
        let headers = HeaderMap::new();
        signed_request(&Delivery { headers: &headers, body: body.as_bytes(), now }, keys)
    }

    #[test]
    fn a_signed_request_is_that_of_the_documentation() {
        // the example in Facebook's documentation of signed requests, with the secret "secret"
        let vector = "signed_request=vlXgu64BQGFSQrY0ZcJBZASMvYvTHu9GQ0YM9rjPSso\
                      .eyJhbGdvcml0aG0iOiJITUFDLVNIQTI1NiIsIjAiOiJwYXlsb2FkIn0";
        assert_eq!(form(vector, 0, &keys("secret")).unwrap()["0"], "payload");
        assert_eq!(form(vector, 0, &keys("Secret")), Err(Refusal::WrongSignature));
        assert_eq!(form(&vector.replace("NiIs", "NiIt"), 0, &keys("secret")), Err(Refusal::WrongSignature));
        assert_eq!(form("signed_request=nodot", 0, &keys("secret")), Err(Refusal::Malformed));
        assert_eq!(form("a=b", 0, &keys("secret")), Err(Refusal::Unsigned));
        assert_eq!(form(&format!("{vector}&{vector}"), 0, &keys("secret")), Err(Refusal::Unsigned));
    }

    #[test]
    fn a_handshake_needs_the_token() {
        let ask = |query: &str| handshake(&Query::parse(query), &keys("s"));
        let good = "hub.mode=subscribe&hub.verify_token=meta-token&hub.challenge=1158201444";
        assert_eq!(ask(good), Ok(Answer::Text("1158201444".into())));
        assert_eq!(ask(&good.replace("token=meta", "token=other")), Err(Refusal::WrongToken));
        assert_eq!(ask("hub.mode=subscribe&hub.challenge=1"), Err(Refusal::WrongToken));
        assert_eq!(ask(&good.replace("=subscribe", "=x")), Err(Refusal::NoHandshake));
        assert_eq!(ask(&good.replace("1158201444", "%3Cscript%3E%0a")), Err(Refusal::NoHandshake));
        let without = Keys { secrets: vec!["s".into()], verify_token: None };
        assert_eq!(handshake(&Query::parse(good), &without), Err(Refusal::WrongToken));
    }
}
