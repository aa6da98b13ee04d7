//! Telegram: updates of a bot. The secret is what `setWebhook` was told; nothing else is signed.

use serde_json::Value;

use super::part::{Received, id_of};
use super::sign::is_one_of;
use super::{Delivery, Findings, Keys, Refusal, Scheme, no_ping};

pub(super) const TELEGRAM: Scheme = Scheme {
    platform: "telegram",
    media_types: &["application/json"],
    check_secret,
    needs_token: false,
    verify,
    handshake: None,
    ping: no_ping,
    read,
    interpret,
    stored: 200,
};

/// Where updates of the kinds that Crier has to do with name their chat.
const CHATS: [&str; 8] = [
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "my_chat_member",
    "chat_member",
    "message_reaction",
    "message_reaction_count",
];

fn check_secret(line: &str) -> Option<&'static str> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let is_token = (16..=256).contains(&line.len()) && line.bytes().all(is_allowed);
    (!is_token).then_some("is no secret token of Telegram: 16 to 256 of A-Z, a-z, 0-9, _ and -")
}

fn verify(delivery: &Delivery<'_>, keys: &Keys) -> Result<(), Refusal> {
    let token = delivery.header("x-telegram-bot-api-secret-token")?;
    if is_one_of(&keys.secrets, token) { Ok(()) } else { Err(Refusal::WrongSignature) }
}

fn read(delivery: &Delivery<'_>) -> Received {
    Received::of_object(TELEGRAM.platform, delivery.body, |payload| {
        let account = CHATS.into_iter().find_map(|kind| id_of(&payload[kind]["chat"]["id"]));
        // update_id counts for one bot, and several may share an address: the bytes tell them apart
        Received::one(TELEGRAM.platform, account, payload)
    })
}

fn interpret(payload: &Value) -> Findings {
    let fields = payload.as_object().into_iter().flatten();
    let kind = fields.map(|(name, _)| name.as_str()).find(|name| *name != "update_id").unwrap_or("unknown");
    let mut findings = Findings::kind(kind);
    let member = &payload["my_chat_member"];
    // the bot itself was put out of the chat, or may no longer write there
    if matches!(member["new_chat_member"]["status"].as_str(), Some("left" | "kicked")) {
        findings.revoked = Some(member["date"].as_i64());
    }
    findings
}
