//! Direct messages: written to one account, seen by nobody else. The ledger has them, as it has tweets.

use std::time::SystemTime;

use bytes::Bytes;
use hyper::Request;
use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::Refused;
use super::tweets::tweet_id;
use super::{Account, NAME, State, json_body};
use crate::sim::ledger::{Entry, Ledger, rfc3339};

const MAX_CHARACTERS: usize = 10_000;

/// What a client may send.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    text: String,
}

impl State {
    /// Writes to an account. Nothing tells two messages with the same words apart: each is sent.
    pub(super) fn write_message(
        &mut self,
        me: &Account,
        to: &str,
        request: &Request<Bytes>,
        ledger: &Ledger,
    ) -> Result<Value, Refused> {
        let input = json_body(request)?;
        let draft: Draft = serde_json::from_value(input.clone())
            .map_err(|error| Refused::invalid("$", &input, error.to_string()))?;
        tweet_id("participant_id", to)?;
        if draft.text.is_empty() || draft.text.chars().count() > MAX_CHARACTERS {
            return Err(Refused::invalid(
                "text",
                &json!(draft.text),
                "Must have between 1 and 10000 characters.",
            ));
        }
        if to == me.id || !self.accounts.contains_key(to) {
            return Err(Refused::forbidden("You cannot send messages to this user."));
        }
        let id = self.next_id().to_string();
        let conversation = if *me.id < *to { format!("{}-{to}", me.id) } else { format!("{to}-{}", me.id) };
        ledger.append(Entry {
            platform: NAME,
            account: me.handle.clone(),
            key: id.clone(),
            text: draft.text,
            images: vec![],
            at: rfc3339(SystemTime::now()),
            uri: conversation.clone(),
            reply_to: None,
        });
        Ok(json!({"data": {"dm_conversation_id": conversation, "dm_event_id": id}}))
    }
}
