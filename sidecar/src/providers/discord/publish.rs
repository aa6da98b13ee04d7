//! The message: written down once, sent with its files in one call.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crier_core::error_class::ErrorClass;
use crier_core::media::Attachment;
use crier_core::platform::discord;
use reqwest::header::CONTENT_TYPE;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use uuid::Uuid;

use super::api::{Api, Who, object};
use super::message::{Made, Payload, Sent};
use super::prepare::{self, File, fetch, is_same};
use crate::media::Fetcher;
use crate::providers::answer::Phase;
use crate::providers::key::new_key;
use crate::providers::{Failure, Frozen, Post, Published};

/// How long the files may take to come, and how long the message may take then, with them. Both together are what the platform's
/// `settles` counts on.
const FETCH: Duration = Duration::from_secs(60);
const SEND: Duration = Duration::from_secs(60);

/// Writes the message down.
pub(super) fn draft(post: &Post, prepared: &Value) -> Result<Frozen, Failure> {
    let invalid = |why: String| Failure::new(ErrorClass::ContentInvalid, why);
    let settings = discord::settings(&post.settings)
        .map_err(|why| invalid(format!("the settings for discord {why}")))?;
    let prepared = prepare::parse(prepared);
    let place = prepared
        .place
        .ok_or_else(|| Failure::new(ErrorClass::Transient, "nobody asked where the message goes"))?;
    let key = new_key(SystemTime::now())?;
    let payload = Payload::new(&post.content, settings, &prepared.files);
    let payload = if place.by_bot { payload.of_bot(nonce(&key)?, place.answered) } else { payload };
    let written = |_| invalid("the post can't be written as JSON".to_owned());
    let sent = Sent {
        guild: place.guild,
        channel: place.channel,
        thread: place.thread,
        payload: serde_json::to_string(&payload).map_err(written)?,
        files: prepared.files,
    };
    Ok(Frozen { key, request: serde_json::to_string(&sent).map_err(written)? })
}

/// The key in 22 characters: a nonce may have 25.
pub(super) fn nonce(key: &str) -> Result<String, Failure> {
    let key = Uuid::parse_str(key)
        .map_err(|_| Failure::new(ErrorClass::Config, "the stored key is not one of this version"))?;
    Ok(URL_SAFE_NO_PAD.encode(key.as_bytes()))
}

/// Sends what was written down, with the files if they are still the same.
pub(super) async fn commit(
    api: &Api<'_>,
    fetcher: &Fetcher,
    media: &[Attachment],
    frozen: &Frozen,
) -> Result<Published, Failure> {
    let sent = Sent::of(frozen)?;
    let request = api.request(Method::POST, &path(api, &sent)?).timeout(SEND);
    let late = |_| Failure::new(ErrorClass::Transient, "the files of the post took too long to come");
    let request =
        tokio::time::timeout(FETCH, filled(request, fetcher, media, &sent)).await.map_err(late)??;
    let made: Made = object(Phase::Commit, api.send(request).await)?;
    Ok(sent.published(&made.id, &made.channel_id))
}

/// A webhook is told to wait until the message is there: without that a success says nothing.
fn path(api: &Api<'_>, sent: &Sent) -> Result<String, Failure> {
    Ok(match (api.who()?, &sent.thread) {
        (Who::Bot { channel, .. }, _) => format!("channels/{channel}/messages"),
        (Who::Webhook(_), None) => "?wait=true".to_owned(),
        (Who::Webhook(_), Some(thread)) => format!("?wait=true&thread_id={}", thread.as_str()),
    })
}

async fn filled(
    request: RequestBuilder,
    fetcher: &Fetcher,
    media: &[Attachment],
    sent: &Sent,
) -> Result<RequestBuilder, Failure> {
    let payload = sent.payload.clone();
    if sent.files.is_empty() {
        return Ok(request.header(CONTENT_TYPE, "application/json").body(payload));
    }
    if media.len() != sent.files.len() {
        return Err(changed("the post has other files than were written down"));
    }
    let json = |_| Failure::new(ErrorClass::Config, "JSON is no type of a part");
    let payload = Part::text(payload).mime_str("application/json").map_err(json)?;
    let mut form = Form::new().part("payload_json", payload);
    for (at, (one, file)) in media.iter().zip(&sent.files).enumerate() {
        form = form.part(format!("files[{at}]"), part(fetcher, at + 1, one, file).await?);
    }
    Ok(request.multipart(form))
}

async fn part(fetcher: &Fetcher, index: usize, one: &Attachment, file: &File) -> Result<Part, Failure> {
    let (bytes, mime_type) = fetch(fetcher, index, one).await?;
    if !is_same(file, &bytes, mime_type) {
        let what = one.kind().as_str();
        return Err(changed(&format!("{what} {index} is no longer what it was when the post was prepared")));
    }
    let typed = Part::bytes(bytes).file_name(file.name.clone()).mime_str(mime_type);
    typed.map_err(|_| Failure::new(ErrorClass::ContentInvalid, format!("{mime_type:?} is no type of a file")))
}

/// Nothing was sent, and this can never be: it has to be written down anew.
fn changed(why: &str) -> Failure {
    Failure { draft_again: true, ..Failure::new(ErrorClass::ContentInvalid, why) }
}
