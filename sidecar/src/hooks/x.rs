//! X: the Account Activity API, and others of its webhooks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::part::{Received, id_of, time_of};
use super::sign::{hmac, is_hmac};
use super::{Answer, Delivery, Findings, Keys, Query, Refusal, Scheme, any_secret, no_ping};

pub(super) const X: Scheme = Scheme {
    platform: "x",
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

/// A challenge is answered with the signature that a delivery of the same bytes would have, and anybody may ask. So what a
/// delivery begins with is in no challenge, and nothing else is a delivery.
const BEGINNING: char = '{';

fn verify(delivery: &Delivery<'_>, keys: &Keys) -> Result<(), Refusal> {
    if delivery.body.first() != Some(&(BEGINNING as u8)) {
        return Err(Refusal::Malformed);
    }
    let header = delivery.header("x-twitter-webhooks-signature")?;
    let encoded = header.strip_prefix("sha256=").ok_or(Refusal::Malformed)?;
    let signature = STANDARD.decode(encoded).map_err(|_| Refusal::Malformed)?;
    if is_hmac(&keys.secrets, &[delivery.body], &signature) { Ok(()) } else { Err(Refusal::WrongSignature) }
}

/// The challenge-response check, which nothing signs.
fn handshake(query: &Query, keys: &Keys) -> Result<Answer, Refusal> {
    let token = query.challenge("crc_token")?;
    if token.contains(BEGINNING) {
        return Err(Refusal::NoHandshake);
    }
    let secret = keys.secrets.first().ok_or(Refusal::NoHandshake)?;
    let response = format!("sha256={}", STANDARD.encode(hmac(secret, &[token.as_bytes()])));
    Ok(Answer::Json(json!({ "response_token": response })))
}

fn read(delivery: &Delivery<'_>) -> Received {
    Received::of_object(X.platform, delivery.body, |payload| {
        let revoked = &payload["user_event"]["revoke"]["source"]["user_id"];
        let account = id_of(&payload["for_user_id"]).or_else(|| id_of(revoked));
        Received::one(X.platform, account, payload)
    })
}

fn interpret(payload: &Value) -> Findings {
    let revoke = &payload["user_event"]["revoke"];
    if revoke.is_object() {
        let revoked = Some(time_of(&revoke["date_time"]));
        return Findings { revoked, ..Findings::kind("user_event.revoke") };
    }
    let fields = payload.as_object().into_iter().flatten();
    let lists = fields.filter(|(_, value)| value.is_array() || value.is_object());
    let kinds: Vec<String> = lists
        .map(|(name, _)| name.clone())
        .filter(|name| name.ends_with("_events") || name == "data")
        .collect();
    if kinds.is_empty() { Findings::kind("unknown") } else { Findings { kinds, ..Findings::default() } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_answered_with_the_first_secret() {
        let keys = Keys { secrets: vec!["consumer".into(), "older".into()], verify_token: None };
        // made with: printf 'challenge_string' | openssl dgst -sha256 -hmac consumer -binary | base64
        let expected = json!({ "response_token": "sha256=eVCiy88Y5uz+6uBjQU3UFAARMBRB4rhPoSudtGlt0mE=" });
        assert_eq!(handshake(&Query::parse("crc_token=challenge_string"), &keys), Ok(Answer::Json(expected)));
        assert_eq!(handshake(&Query::parse("a=b"), &keys), Err(Refusal::NoHandshake));
    }

    #[test]
    fn no_answer_to_a_challenge_signs_a_delivery() {
        let keys = Keys { secrets: vec!["consumer".into()], verify_token: None };
        let forge = |body: &str| {
            let query: String =
                url::form_urlencoded::Serializer::new(String::new()).append_pair("crc_token", body).finish();
            let Ok(Answer::Json(answer)) = handshake(&Query::parse(&query), &keys) else { return false };
            let mut headers = axum::http::HeaderMap::new();
            let signature = answer["response_token"].as_str().unwrap().parse().unwrap();
            headers.insert("x-twitter-webhooks-signature", signature);
            verify(&Delivery { headers: &headers, body: body.as_bytes(), now: 0 }, &keys).is_ok()
        };
        for body in ["{\"for_user_id\":\"1\"}", " {}", "\t{}", "[{}]", "[]", "1", "abc", ""] {
            assert!(!forge(body), "{body}");
        }
    }
}
