//! TikTok: grants that were taken back, and posts that came on.

use serde_json::Value;

use super::part::{Received, id_of};
use super::sign::{is_hmac, value_of};
use super::{Delivery, Findings, Keys, Refusal, Scheme, any_secret, no_ping};
use crate::hex::unhex;

pub(super) const TIKTOK: Scheme = Scheme {
    platform: "tiktok",
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
    let header = delivery.header("tiktok-signature")?;
    let (Some(time), Some(signature)) = (value_of(header, "t"), value_of(header, "s")) else {
        return Err(Refusal::Malformed);
    };
    let at: i64 = time.parse().map_err(|_| Refusal::Malformed)?;
    let signature = unhex(signature).ok_or(Refusal::Malformed)?;
    if !is_hmac(&keys.secrets, &[time.as_bytes(), b".", delivery.body], &signature) {
        return Err(Refusal::WrongSignature);
    }
    delivery.check_time(at)
}

fn read(delivery: &Delivery<'_>) -> Received {
    Received::of_object(TIKTOK.platform, delivery.body, |payload| {
        let account = id_of(&payload["user_openid"]);
        Received::one(TIKTOK.platform, account, payload)
    })
}

fn interpret(payload: &Value) -> Findings {
    let Some(event) = payload["event"].as_str() else { return Findings::kind("unknown") };
    let mut findings = Findings::kind(event);
    if event == "authorization.removed" {
        findings.revoked = Some(payload["create_time"].as_i64());
    }
    if event.starts_with("post.publish.") {
        // JSON in a text
        let content = payload["content"].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
        findings.publish_ids.extend(content.and_then(|content| id_of(&content["publish_id"])));
    }
    findings
}
