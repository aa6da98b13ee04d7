//! Discord: events that an app is subscribed to. A secret is the app's public key.

use serde_json::{Value, json};

use super::part::{Received, id_of, time_of, without};
use super::sign::is_ed25519;
use super::{Answer, Delivery, Findings, Keys, Refusal, Scheme};
use crate::hex::unhex;

pub(super) const DISCORD: Scheme = Scheme {
    platform: "discord",
    media_types: &["application/json"],
    check_secret,
    needs_token: false,
    verify,
    handshake: None,
    ping,
    read,
    interpret,
    stored: 204,
};

fn check_secret(line: &str) -> Option<&'static str> {
    let is_key = unhex(line).is_some_and(|key| key.len() == 32);
    (!is_key).then_some("is no public key of Discord: 64 hexadecimal digits")
}

fn verify(delivery: &Delivery<'_>, keys: &Keys) -> Result<(), Refusal> {
    let signature = unhex(delivery.header("x-signature-ed25519")?).ok_or(Refusal::Malformed)?;
    let time = delivery.header("x-signature-timestamp")?;
    let at: i64 = time.parse().map_err(|_| Refusal::Malformed)?;
    let signed = [time.as_bytes(), delivery.body].concat();
    if !is_ed25519(&keys.secrets, &signed, &signature) {
        return Err(Refusal::WrongSignature);
    }
    delivery.check_time(at)
}

/// Events have a type 0 that says nothing, interactions a type 1; an event of type 1 says something.
fn ping(delivery: &Delivery<'_>) -> Option<Answer> {
    let payload: Value = serde_json::from_slice(delivery.body).ok()?;
    match payload["type"].as_i64()? {
        0 => Some(Answer::Status(204)),
        1 if payload.get("event").is_none() => Some(Answer::Json(json!({ "type": 1 }))),
        _ => None,
    }
}

fn read(delivery: &Delivery<'_>) -> Received {
    Received::of_object(DISCORD.platform, delivery.body, |payload| {
        let data = &payload["event"]["data"];
        let places = [&data["guild"]["id"], &data["guild_id"], &payload["guild_id"], &data["user"]["id"]];
        let account = places.into_iter().find_map(id_of);
        let id = id_of(&payload["id"]);
        // with it anybody could answer in the app's name
        let payload = without(payload, &["token"]);
        Received { id, ..Received::one(DISCORD.platform, account, payload) }
    })
}

fn interpret(payload: &Value) -> Findings {
    let Some(kind) = payload["event"]["type"].as_str() else {
        return Findings::kind(if payload["type"].is_number() { "interaction" } else { "unknown" });
    };
    let mut findings = Findings::kind(kind);
    if kind == "APPLICATION_DEAUTHORIZED" {
        findings.revoked = Some(time_of(&payload["event"]["timestamp"]));
    }
    findings
}
