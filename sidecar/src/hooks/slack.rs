//! Slack: the Events API.

use serde_json::Value;

use super::part::{Received, id_of, without};
use super::sign::is_hmac;
use super::{Answer, Delivery, Findings, Keys, MAX_CHALLENGE, Refusal, Scheme, any_secret};
use crate::hex::unhex;

pub(super) const SLACK: Scheme = Scheme {
    platform: "slack",
    media_types: &["application/json"],
    check_secret: any_secret,
    needs_token: false,
    verify,
    handshake: None,
    ping,
    read,
    interpret,
    stored: 200,
};

fn verify(delivery: &Delivery<'_>, keys: &Keys) -> Result<(), Refusal> {
    let header = delivery.header("x-slack-signature")?;
    let time = delivery.header("x-slack-request-timestamp")?;
    let at: i64 = time.parse().map_err(|_| Refusal::Malformed)?;
    let signature = header.strip_prefix("v0=").and_then(unhex).ok_or(Refusal::Malformed)?;
    if !is_hmac(&keys.secrets, &[b"v0:", time.as_bytes(), b":", delivery.body], &signature) {
        return Err(Refusal::WrongSignature);
    }
    delivery.check_time(at)
}

/// The handshake is a delivery like any other, signed too.
fn ping(delivery: &Delivery<'_>) -> Option<Answer> {
    let payload: Value = serde_json::from_slice(delivery.body).ok()?;
    if payload["type"] != "url_verification" {
        return None;
    }
    let challenge = payload["challenge"].as_str().filter(|text| text.len() <= MAX_CHALLENGE)?;
    Some(Answer::Text(challenge.to_owned()))
}

fn read(delivery: &Delivery<'_>) -> Received {
    Received::of_object(SLACK.platform, delivery.body, |payload| {
        let (id, account) = (id_of(&payload["event_id"]), id_of(&payload["team_id"]));
        // an old kind of secret, which other programs may still believe
        let payload = without(payload, &["token"]);
        Received { id, ..Received::one(SLACK.platform, account, payload) }
    })
}

fn interpret(payload: &Value) -> Findings {
    let kind = payload["event"]["type"].as_str().or(payload["type"].as_str()).unwrap_or("unknown");
    let mut findings = Findings::kind(kind);
    // tokens of users are not what posts are sent with, but those of the bot
    let is_ours = !payload["event"]["tokens"]["bot"].as_array().is_none_or(Vec::is_empty);
    if kind == "app_uninstalled" || kind == "tokens_revoked" && is_ours {
        findings.revoked = Some(payload["event_time"].as_i64());
    }
    findings
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::*;

    #[test]
    fn the_signature_is_that_of_the_documentation() {
        // the example in Slack's "Verifying requests from Slack"
        let body = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
                     channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&\
                     response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F\
                     96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        let mut headers = HeaderMap::new();
        let signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
        headers.insert("x-slack-signature", signature.parse().unwrap());
        headers.insert("x-slack-request-timestamp", "1531420618".parse().unwrap());
        let keys = Keys { secrets: vec!["8f742231b10e8888abcd99yyyzzz85a5".into()], verify_token: None };
        let at = |now| verify(&Delivery { headers: &headers, body, now }, &keys);
        assert_eq!(at(1_531_420_618), Ok(()));
        assert_eq!((at(1_531_420_918), at(1_531_420_318)), (Ok(()), Ok(())));
        assert_eq!(
            (at(1_531_420_919), at(1_531_420_317)),
            (Err(Refusal::WrongTime), Err(Refusal::WrongTime))
        );
    }
}
