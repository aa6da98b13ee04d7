//! The post: written down once, sent as it was written. Its media are not written down, which would be too much: what they are is.

use crier_core::error_class::ErrorClass;
use crier_core::platform::telegram::{self, PLATFORM, Settings, is_name};
use reqwest::multipart::Form;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::api::{Api, not_clear};
use super::prepare::{Seen, Sort, parse};
use crate::hex::hex;
use crate::media::Fetcher;
use crate::providers::answer::Phase;
use crate::providers::form_file::{Cut, form_file};
use crate::providers::{Failure, Frozen, Post, Published};

/// What is frozen: the call, and all that it says. The chat is the account's.
#[derive(Serialize, Deserialize)]
struct Written {
    method: String,
    fields: Map<String, Value>,
    /// What the parts with the media are called, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parts: Vec<String>,
    /// The hash of the post's media as they are named in the post.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    media: Option<String>,
}

/// Writes the post down.
pub(super) fn draft(post: &Post, prepared: &Value, key: String) -> Result<Frozen, Failure> {
    let invalid = |why: String| Failure::new(ErrorClass::ContentInvalid, why);
    let settings = telegram::settings(&post.settings)
        .map_err(|why| invalid(format!("the settings for telegram {why}")))?;
    let mut fields = common(post, &settings)?;
    let files = parse(prepared).files;
    let (method, parts) = match &files[..] {
        [] => {
            put(&mut fields, "text", json!(post.content));
            marks(&mut fields, &settings, "entities");
            if let Some(preview) = &settings.link_preview {
                put(&mut fields, "link_preview_options", json!(preview));
            }
            ("sendMessage", vec![])
        }
        [file] => {
            fields.extend(described(post, &settings, file.sort));
            let method = match file.sort {
                Sort::Photo => "sendPhoto",
                Sort::Animation => "sendAnimation",
                Sort::Video => "sendVideo",
                Sort::Document => "sendDocument",
            };
            (method, vec![file.sort.as_str().to_owned()])
        }
        files => {
            put(&mut fields, "media", json!(album(post, &settings, files)));
            ("sendMediaGroup", (1..=files.len()).map(|index| format!("file{index}")).collect())
        }
    };
    let media = (!parts.is_empty()).then(|| hash(&post.media));
    let written = Written { method: method.to_owned(), fields, parts, media };
    let request = serde_json::to_string(&written)
        .map_err(|_| invalid("the post can't be written as JSON".to_owned()))?;
    Ok(Frozen { key, request })
}

/// What every message may have.
fn common(post: &Post, settings: &Settings) -> Result<Map<String, Value>, Failure> {
    let mut fields = Map::new();
    for (name, is_set) in
        [("disable_notification", settings.silent), ("protect_content", settings.protect_content)]
    {
        if is_set {
            put(&mut fields, name, json!(true));
        }
    }
    if let Some(thread) = settings.thread_id {
        put(&mut fields, "message_thread_id", json!(thread));
    }
    if let Some(answered) = &post.reply_to {
        let unreadable =
            || Failure::new(ErrorClass::ContentInvalid, "what is answered is no message on telegram");
        let answered = telegram::post_ref(answered).ok_or_else(unreadable)?;
        let mut reply = json!({ "message_id": answered.message });
        if let Some(chat) = answered.chat {
            reply["chat_id"] = json!(chat);
        }
        put(&mut fields, "reply_parameters", reply);
    }
    Ok(fields)
}

/// What a message with a file says of it.
fn described(post: &Post, settings: &Settings, sort: Sort) -> Map<String, Value> {
    let mut fields = Map::new();
    if !post.content.is_empty() {
        put(&mut fields, "caption", json!(post.content));
        marks(&mut fields, settings, "caption_entities");
    }
    looks(&mut fields, settings, sort);
    fields
}

fn looks(fields: &mut Map<String, Value>, settings: &Settings, sort: Sort) {
    if settings.spoiler && sort != Sort::Document {
        put(fields, "has_spoiler", json!(true));
    }
    if sort == Sort::Video {
        put(fields, "supports_streaming", json!(true));
    }
}

/// The messages of an album. The first of them has the text: then it is shown as that of the album; of documents it is the last.
fn album(post: &Post, settings: &Settings, files: &[Seen]) -> Vec<Map<String, Value>> {
    let has_text = if files.iter().all(|file| file.sort == Sort::Document) { files.len() } else { 1 };
    let message = |(index, file): (usize, &Seen)| {
        let mut fields = Map::new();
        if index == has_text {
            fields = described(post, settings, file.sort);
        } else {
            looks(&mut fields, settings, file.sort);
        }
        put(&mut fields, "type", json!(file.sort.as_str()));
        put(&mut fields, "media", json!(format!("attach://file{index}")));
        fields
    };
    (1..).zip(files).map(message).collect()
}

/// How the text is marked.
fn marks(fields: &mut Map<String, Value>, settings: &Settings, entities: &str) {
    if let Some(mode) = settings.parse_mode {
        put(fields, "parse_mode", json!(mode));
    } else if !settings.entities.is_empty() {
        put(fields, entities, json!(settings.entities));
    }
}

fn put(fields: &mut Map<String, Value>, name: &str, value: Value) {
    fields.insert(name.to_owned(), value);
}

fn hash(media: &Value) -> String {
    hex(&Sha256::digest(media.to_string().as_bytes()))
}

/// Sends it. Nothing is sent before all media are at hand, as far as memory allows.
pub(super) async fn commit(
    bot: &Api<'_>,
    fetcher: &Fetcher,
    chat: &str,
    frozen: &Frozen,
    media: &Value,
) -> Result<Published, Failure> {
    let mut written: Written = serde_json::from_str(&frozen.request)
        .map_err(|_| Failure::new(ErrorClass::Config, "the stored request is not of this version"))?;
    put(&mut written.fields, "chat_id", json!(chat));
    let result = if written.parts.is_empty() {
        bot.call(Phase::Commit, &written.method, &Value::Object(written.fields)).await?
    } else {
        let cut = Cut::default();
        let form = form(fetcher, &written, media, &cut).await?;
        let sent = bot.upload(Phase::Commit, &written.method, form).await;
        sent.map_err(|failure| match cut.taken() {
            Some(cut) if failure.class == ErrorClass::OutcomeUnknown && failure.status.is_none() => cut,
            _ => failure,
        })?
    };
    there(chat, &result).ok_or_else(|| not_clear(Phase::Commit))
}

async fn form(fetcher: &Fetcher, written: &Written, media: &Value, cut: &Cut) -> Result<Form, Failure> {
    if written.media.as_deref() != Some(hash(media).as_str()) {
        let message = "the post has other media than were written down";
        return Err(Failure { draft_again: true, ..Failure::new(ErrorClass::Transient, message) });
    }
    let attachments = crier_core::media::parse(media)
        .map_err(|error| Failure::new(ErrorClass::ContentInvalid, error.to_string()))?;
    let mut form = Form::new();
    for (name, value) in &written.fields {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        form = form.text(name.clone(), text);
    }
    for ((index, attachment), name) in (1..).zip(&attachments).zip(&written.parts) {
        let place = (index, attachment);
        let file = form_file(fetcher, &PLATFORM, place, &index.to_string(), cut, |_, _| Ok(())).await?;
        form = form.part(name.clone(), file);
    }
    Ok(form)
}

/// Where the messages are that the server says it made. Those of another chat are not what was asked for.
fn there(chat: &str, result: &Value) -> Option<Published> {
    let messages = result.as_array().map_or(std::slice::from_ref(result), Vec::as_slice);
    let mut ids = Vec::new();
    for message in messages {
        let id = message["message_id"].as_u64().filter(|id| *id > 0)?;
        let is_here = message["chat"]["id"].as_i64().is_some_and(|id| id.to_string() == chat);
        ids.push(is_here.then(|| id.to_string())?);
    }
    let name = messages.first()?["chat"]["username"].as_str().filter(|name| is_name(name));
    let place = match name {
        Some(name) => name.to_owned(),
        None => format!("c/{}", chat.strip_prefix("-100")?),
    };
    let url = format!("https://t.me/{place}/{}", ids.first()?);
    Some(Published { external_id: ids.join(","), url, cid: None })
}
