//! Whose token it is, and whether that bot may post in the chat.

use crier_core::error_class::ErrorClass;
use crier_core::platform::telegram::is_name;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::api::{Api, not_clear};
use crate::providers::answer::Phase;
use crate::providers::{Failure, Login};
use crate::secrets::Session;

/// Finds out which chat is meant, and that the bot may post there.
pub(super) async fn login(
    bot: &Api<'_>,
    base_url: &str,
    handle: &str,
    token: &SecretString,
) -> Result<Login, Failure> {
    let named = named(handle)?;
    let me = bot.call(Phase::Login, "getMe", &json!({})).await?;
    let id = me["id"].as_u64().filter(|_| me["is_bot"] == true).ok_or_else(|| not_clear(Phase::Login))?;
    let chat = bot.call(Phase::Login, "getChat", &json!({ "chat_id": named })).await?;
    let chat = Chat::read(&chat).ok_or_else(|| not_clear(Phase::Login))?;
    if !chat.is_channel && !chat.is_group {
        let why = "it is neither a channel nor a supergroup: messages of other chats have no address. A group becomes a \
                   supergroup when its history is made visible to new members";
        return Err(Failure::new(ErrorClass::Permission, why));
    }
    let asked = json!({ "chat_id": chat.id, "user_id": id });
    let member = bot.call(Phase::Login, "getChatMember", &asked).await?;
    if !may_post(&chat, &member) {
        let bot = me["username"].as_str().unwrap_or("the bot");
        let why = if chat.is_channel {
            "make it an administrator who may post messages"
        } else {
            "let it send messages"
        };
        return Err(Failure::new(ErrorClass::Permission, format!("{bot} may not post there: {why}")));
    }
    Ok(Login {
        handle: chat.name.map_or_else(|| chat.id.to_string(), |name| format!("@{name}")),
        external_id: chat.id.to_string(),
        base_url: base_url.to_owned(),
        session: Session::new(token.clone(), SecretString::default()),
    })
}

/// How the API calls what a person named: `@name`, or the number of a chat.
fn named(handle: &str) -> Result<String, Failure> {
    let name = handle.trim().trim_start_matches("https://t.me/").trim_start_matches('@');
    let number = name.strip_prefix('-').unwrap_or(name);
    if (1..=16).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(name.to_owned());
    }
    if is_name(name) {
        return Ok(format!("@{name}"));
    }
    let message = "name the chat by @its_name, or by its number such as -1001234567890";
    Err(Failure::new(ErrorClass::ContentInvalid, message))
}

/// A chat as the API shows it.
struct Chat {
    id: i64,
    name: Option<String>,
    is_channel: bool,
    is_group: bool,
    /// Whether everybody in it may write.
    is_open: bool,
}

impl Chat {
    fn read(chat: &Value) -> Option<Self> {
        let name = chat["username"].as_str().filter(|name| is_name(name)).map(str::to_owned);
        let kind = chat["type"].as_str()?;
        Some(Self {
            id: chat["id"].as_i64()?,
            name,
            is_channel: kind == "channel",
            is_group: kind == "supergroup",
            is_open: chat["permissions"]["can_send_messages"].as_bool().unwrap_or(true),
        })
    }
}

/// What is not said is not allowed.
fn may_post(chat: &Chat, member: &Value) -> bool {
    let may = |right: &str| member[right] == true;
    match member["status"].as_str().unwrap_or_default() {
        "administrator" => chat.is_group || may("can_post_messages"),
        "member" => chat.is_group && chat.is_open,
        "restricted" => chat.is_group && chat.is_open && may("can_send_messages"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_is_named_by_its_name_or_its_number() {
        for (handle, chat) in [
            ("@crier_news", "@crier_news"),
            ("crier_news", "@crier_news"),
            ("https://t.me/crier_news", "@crier_news"),
            ("-1001234567890", "-1001234567890"),
            ("42", "42"),
        ] {
            assert_eq!(named(handle).unwrap(), chat);
        }
        for odd in ["", "@", "a b c d", "@new", "-", "--1", "12345678901234567", "@x/../y"] {
            assert_eq!(named(odd).unwrap_err().class, ErrorClass::ContentInvalid, "{odd}");
        }
    }

    #[test]
    fn a_bot_has_to_have_the_right_to_post() {
        let chat = |kind: &str, open: bool| {
            let shown = json!({"id": -1001, "type": kind, "permissions": {"can_send_messages": open}});
            Chat::read(&shown).unwrap()
        };
        let administrator = |may: bool| json!({"status": "administrator", "can_post_messages": may});
        for (chat, member, may) in [
            (chat("channel", true), administrator(true), true),
            (chat("channel", true), administrator(false), false),
            (chat("channel", true), json!({"status": "member"}), false),
            (chat("supergroup", false), json!({"status": "administrator"}), true),
            (chat("supergroup", true), json!({"status": "member"}), true),
            (chat("supergroup", false), json!({"status": "member"}), false),
            (chat("supergroup", true), json!({"status": "restricted", "can_send_messages": true}), true),
            (chat("supergroup", true), json!({"status": "restricted"}), false),
            (chat("supergroup", true), json!({"status": "left"}), false),
            (chat("supergroup", true), json!({"status": "kicked"}), false),
            (chat("supergroup", true), json!([]), false),
        ] {
            assert_eq!(may_post(&chat, &member), may, "{member}");
        }
    }
}
