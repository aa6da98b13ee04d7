//! LinkedIn: for apps with an approved use of webhooks.

use serde_json::{Value, json};

use super::part::{Part, Received, by_account, id_of};
use super::sign::{hmac, is_hmac};
use super::{Answer, Delivery, Findings, Keys, Query, Refusal, Scheme, any_secret, no_ping};
use crate::hex::{hex, unhex};

pub(super) const LINKEDIN: Scheme = Scheme {
    platform: "linkedin",
    media_types: &["application/json"],
    check_secret: any_secret,
    needs_token: false,
    verify,
    handshake: Some(handshake),
    ping: no_ping,
    read,
    interpret,
    stored: 200,
};

/// Stands before the body where it is signed.
const PREFIX: &str = "hmacsha256=";

fn verify(delivery: &Delivery<'_>, keys: &Keys) -> Result<(), Refusal> {
    let header = delivery.header("x-li-signature")?;
    let signature = unhex(header.strip_prefix(PREFIX).unwrap_or(header)).ok_or(Refusal::Malformed)?;
    let signed = [PREFIX.as_bytes(), delivery.body];
    if is_hmac(&keys.secrets, &signed, &signature) { Ok(()) } else { Err(Refusal::WrongSignature) }
}

fn handshake(query: &Query, keys: &Keys) -> Result<Answer, Refusal> {
    let code = query.challenge("challengeCode")?;
    // Whoever asks gets a signature over what they sent. It must be none over a delivery: those begin with the prefix.
    if code.starts_with(PREFIX) {
        return Err(Refusal::NoHandshake);
    }
    let secret = keys.secrets.first().ok_or(Refusal::NoHandshake)?;
    let response = hex(&hmac(secret, &[code.as_bytes()]));
    Ok(Answer::Json(json!({ "challengeCode": code, "challengeResponse": response })))
}

fn read(delivery: &Delivery<'_>) -> Received {
    let payload = match serde_json::from_slice::<Value>(delivery.body) {
        Ok(payload @ Value::Object(_)) => payload,
        _ => return Received::unreadable(LINKEDIN.platform, delivery.body),
    };
    let Some(Value::Array(notifications)) = payload.get("notifications").cloned() else {
        let account = account_of(&payload);
        return Received::one(LINKEDIN.platform, account, payload);
    };
    if notifications.is_empty() {
        return Received::one(LINKEDIN.platform, None, payload);
    }
    let groups = by_account(notifications, account_of);
    let part = |(external_id, notifications)| {
        let payload = json!({ "type": payload["type"], "notifications": notifications });
        Part { platform: LINKEDIN.platform, external_id, payload }
    };
    Received { id: None, parts: groups.into_iter().map(part).collect() }
}

/// The organization or member, as an URN.
fn account_of(notification: &Value) -> Option<String> {
    let fields = ["organizationalEntity", "organization", "owner", "member"];
    fields.into_iter().find_map(|field| id_of(&notification[field]))
}

fn interpret(payload: &Value) -> Findings {
    let notifications = payload["notifications"].as_array().into_iter().flatten();
    let actions: Vec<String> =
        notifications.filter_map(|one| one["action"].as_str().map(str::to_owned)).collect();
    match payload["type"].as_str() {
        _ if !actions.is_empty() => Findings { kinds: actions, ..Findings::default() },
        Some(kind) => Findings::kind(kind),
        None => Findings::kind("unknown"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_answered_and_signs_no_delivery() {
        let keys = Keys { secrets: vec!["client".into()], verify_token: None };
        let code = "890e4665-4dfe-4ab1-b689-ed553bceeed0";
        let ask = |code: &str| handshake(&Query::parse(&format!("challengeCode={code}")), &keys);
        // made with: printf '%s' "$code" | openssl dgst -sha256 -hmac client
        let response = "de3889346ba3885511b2c022c1cc612995ddb1c5e8d538ecd95268c797908765";
        let expected = json!({ "challengeCode": code, "challengeResponse": response });
        assert_eq!(ask(code), Ok(Answer::Json(expected)));
        assert_eq!(ask("hmacsha256%3D%7B%7D"), Err(Refusal::NoHandshake));
        assert_eq!(ask(""), Err(Refusal::NoHandshake));
    }
}
