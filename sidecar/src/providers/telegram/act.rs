//! What a bot does besides publishing: it takes its messages back.

use crier_core::error_class::ErrorClass;
use crier_core::platform::telegram::{PLATFORM, message_ids};
use serde_json::json;

use super::api::Api;
use crate::providers::answer::Phase;
use crate::providers::{Act, Done, Failure};

/// Does it.
pub(super) async fn act(bot: &Api<'_>, chat: &str, act: &Act) -> Result<Done, Failure> {
    let Act::Delete { post } = act else { return Err(Failure::unsupported(PLATFORM.name, act)) };
    let unreadable = || Failure::new(ErrorClass::ContentInvalid, "Telegram names messages by numbers");
    for message in message_ids(post).ok_or_else(unreadable)? {
        let fields = json!({ "chat_id": chat, "message_id": message });
        match bot.call(Phase::Prepare, "deleteMessage", &fields).await {
            // what is gone already is taken back too
            Err(failure) if failure.message.contains("message to delete not found") => {}
            deleted => drop(deleted?),
        }
    }
    Ok(Done::default())
}
