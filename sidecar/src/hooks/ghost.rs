//! Ghost: what changes on a site. A payload does not say of which site it is: the endpoint has to (`account`).

use serde_json::Value;

use super::part::Received;
use super::sign::{is_hmac, value_of};
use super::{Delivery, Findings, Keys, Refusal, Scheme, any_secret, no_ping};
use crate::hex::unhex;

pub(super) const GHOST: Scheme = Scheme {
    platform: "ghost",
    media_types: &["application/json"],
    check_secret: any_secret,
    needs_token: false,
    verify,
    handshake: None,
    ping: no_ping,
    read,
    interpret,
    stored: 200,
};

fn verify(delivery: &Delivery<'_>, keys: &Keys) -> Result<(), Refusal> {
    let header = delivery.header("x-ghost-signature")?;
    let (Some(signature), Some(time)) = (value_of(header, "sha256"), value_of(header, "t")) else {
        return Err(Refusal::Malformed);
    };
    // milliseconds
    let at: i64 = time.parse().map_err(|_| Refusal::Malformed)?;
    let signature = unhex(signature).ok_or(Refusal::Malformed)?;
    if !is_hmac(&keys.secrets, &[delivery.body, time.as_bytes()], &signature) {
        return Err(Refusal::WrongSignature);
    }
    delivery.check_time(at.div_euclid(1_000))
}

/// What the payload says of itself names no account: whoever has the secret of a site could name another.
fn read(delivery: &Delivery<'_>) -> Received {
    Received::of_object(GHOST.platform, delivery.body, |payload| Received::one(GHOST.platform, None, payload))
}

/// `post.published`, `page.deleted`, `member.changed`.
fn interpret(payload: &Value) -> Findings {
    let Some((thing, state)) = payload.as_object().and_then(|object| object.iter().next()) else {
        return Findings::kind("unknown");
    };
    let is_empty = |value: &Value| value.as_object().is_none_or(|object| object.is_empty());
    let (current, previous) = (&state["current"], &state["previous"]);
    let status = current["status"].as_str();
    let what = match status {
        _ if is_empty(current) => "deleted",
        Some(status) if previous["status"].as_str().is_some_and(|before| before != status) => status,
        _ if is_empty(previous) => "added",
        _ => "changed",
    };
    Findings::kind(format!("{thing}.{what}"))
}
