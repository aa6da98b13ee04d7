//! A message: what is sent, and what is shown of it.

use bytes::Bytes;
use hyper::Request;
use hyper::header::CONTENT_TYPE;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::answer::{EMPTY, INVALID, Refused, TOO_LARGE, TOO_MANY};
use crate::sim::form;
use crate::sim::kit::{NewPost, Post};
use crate::sim::ledger::{Image, rfc3339};

const MAX_TEXT: usize = 2_000;
const MAX_FILES: usize = 10;
const MAX_FILE: usize = 10 * 1024 * 1024;
const MAX_REQUEST: usize = 25 * 1024 * 1024;
const MAX_NONCE: usize = 25;
const MAX_ALT: usize = 1_024;

/// Who sends it.
pub(super) enum Sender<'a> {
    Bot(&'a str),
    Webhook(&'a str),
}

impl Sender<'_> {
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Bot(id) | Self::Webhook(id) => id,
        }
    }
}

/// A message that is sent.
pub(super) struct Draft {
    payload: Value,
    /// Name, description and bytes of each file.
    files: Vec<(String, String, Bytes)>,
}

impl Draft {
    /// As JSON, or as a form with files.
    pub(super) fn read(request: &Request<Bytes>) -> Result<Self, Refused> {
        let kind =
            request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let draft = if kind == "application/json" {
            let payload = serde_json::from_slice(request.body()).map_err(|_| INVALID)?;
            Self { payload, files: vec![] }
        } else {
            Self::read_form(request)?
        };
        draft.check(request.body().len())?;
        Ok(draft)
    }

    fn read_form(request: &Request<Bytes>) -> Result<Self, Refused> {
        let parts = form::parts(request).ok_or(INVALID)?;
        let payload = parts.iter().find(|part| part.name == "payload_json").ok_or(INVALID)?;
        let payload: Value = serde_json::from_slice(&payload.bytes).map_err(|_| INVALID)?;
        let described = payload["attachments"].as_array().cloned().unwrap_or_default();
        let files = described.iter().map(|file| {
            let name = format!("files[{}]", file["id"]);
            let part = parts.iter().find(|part| part.name == name).ok_or(INVALID)?;
            let text = |field: &str| file[field].as_str().unwrap_or_default().to_owned();
            Ok((text("filename"), text("description"), part.bytes.clone()))
        });
        let files = files.collect::<Result<Vec<_>, Refused>>()?;
        if files.len() + 1 != parts.len() {
            return Err(INVALID);
        }
        Ok(Self { payload, files })
    }

    fn check(&self, size: usize) -> Result<(), Refused> {
        let text = self.text();
        let has_embeds = self.payload["embeds"].as_array().is_some_and(|embeds| !embeds.is_empty());
        if text.trim().is_empty() && self.files.is_empty() && !has_embeds {
            return Err(EMPTY);
        }
        if self.files.len() > MAX_FILES {
            return Err(TOO_MANY);
        }
        if size > MAX_REQUEST || self.files.iter().any(|(_, _, bytes)| bytes.len() > MAX_FILE) {
            return Err(TOO_LARGE);
        }
        let long_alt = self.files.iter().any(|(_, alt, _)| alt.chars().count() > MAX_ALT);
        let long_nonce = self.nonce().is_some_and(|nonce| nonce.len() > MAX_NONCE);
        if text.chars().count() > MAX_TEXT || long_alt || long_nonce {
            return Err(INVALID);
        }
        Ok(())
    }

    fn text(&self) -> &str {
        self.payload["content"].as_str().unwrap_or_default()
    }

    pub(super) fn nonce(&self) -> Option<&str> {
        self.payload["nonce"].as_str()
    }

    /// The nonce, where a second message under it is to be none.
    pub(super) fn enforced(&self) -> Option<&str> {
        self.nonce().filter(|_| self.payload["enforce_nonce"] == true)
    }

    pub(super) fn answers(&self) -> Option<&str> {
        self.payload["message_reference"]["message_id"].as_str()
    }

    pub(super) fn thread_name(&self) -> Option<&str> {
        self.payload["thread_name"].as_str()
    }

    /// How many it notifies: all who are mentioned, where nothing is said about that.
    pub(super) fn pings(&self) -> u64 {
        let allowed = self.payload["allowed_mentions"]["parse"].as_array();
        let may = |kind: &str| allowed.is_none_or(|parse| parse.iter().any(|one| one == kind));
        let text = self.text();
        u64::from(may("everyone") && text.contains("@everyone"))
            + u64::from(may("users") && text.contains("<@"))
    }

    /// As it is published. What Discord keeps of the text has no blanks at its ends.
    pub(super) fn post(
        self,
        sender: &Sender<'_>,
        (id, channel, guild): (String, String, &str),
        account: String,
        handle: String,
    ) -> NewPost {
        let reply = self.answers().map(str::to_owned);
        let attachments = self.files.iter().enumerate().map(|(at, (name, alt, bytes))| {
            json!({"id": format!("{at}"), "filename": name, "size": bytes.len(), "description": alt})
        });
        let webhook = matches!(sender, Sender::Webhook(_)).then_some(sender.id());
        let more = json!({
            "channel_id": channel, "author": {"id": sender.id(), "bot": true}, "webhook_id": webhook,
            "content": self.text().trim(), "attachments": attachments.collect::<Vec<_>>(),
            "embeds": self.payload["embeds"], "flags": self.payload["flags"], "nonce": self.nonce(),
            "username": self.payload["username"], "reactions": [],
            "message_reference": reply.as_ref().map(|reply| json!({"message_id": reply, "channel_id": channel})),
        });
        let images = self.files.iter().map(|(name, alt, bytes)| Image {
            alt: alt.clone(),
            cid: Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
            mime_type: name.rsplit('.').next().unwrap_or_default().to_owned(),
            size: bytes.len() as u64,
        });
        NewPost {
            uri: format!("https://discord.com/channels/{guild}/{channel}/{id}"),
            key: self.nonce().unwrap_or_default().to_owned(),
            text: self.text().to_owned(),
            reply_to: reply,
            images: images.collect(),
            id,
            account,
            handle,
            more,
        }
    }
}

/// As it is shown. Its nonce only who sent it is told.
pub(super) fn show(post: &Post, to_sender: bool) -> Value {
    let mut shown = post.more.clone();
    shown["id"] = json!(post.id);
    shown["type"] = json!(if post.reply_to.is_some() { 19 } else { 0 });
    shown["timestamp"] = json!(rfc3339(post.at));
    shown["edited_timestamp"] = Value::Null;
    if let Value::Object(fields) = &mut shown {
        fields.retain(|name, value| {
            !value.is_null() && (name != "nonce" || to_sender) || name == "edited_timestamp"
        });
    }
    shown
}
