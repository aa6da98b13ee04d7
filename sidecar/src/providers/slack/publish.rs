//! The message: written down once, sent in one call. One with files appears when these are completed.

use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use crier_core::platform::slack;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::api::{Api, Who, object};
use super::look::{Share, shared};
use super::prepare::{self, Place};
use crate::providers::answer::Phase;
use crate::providers::key::new_key;
use crate::providers::{Failure, Frozen, Post, Published};

/// What metadata of messages is called.
pub(super) const EVENT: &str = "crier_post";
/// The pauses before Slack is asked where files are shown: it looks at them first.
const PAUSES: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(3)];

/// What was written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sent {
    #[serde(flatten)]
    pub(super) place: Place,
    /// The request to the byte, as it is sent.
    pub(super) body: String,
    /// The ids of its files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) files: Vec<String>,
}

impl Sent {
    pub(super) fn of(frozen: &Frozen) -> Result<Self, Failure> {
        serde_json::from_str(&frozen.request).map_err(|_| {
            Failure::new(ErrorClass::Config, "the stored request is not a message of this version")
        })
    }

    /// The text, as it was sent.
    pub(super) fn text(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["text"].as_str().or(body["initial_comment"].as_str()).unwrap_or_default().to_owned()
    }
}

/// Text in which nothing has a meaning but what Slack's own marks have: it mentions nobody.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Writes the message down.
pub(super) fn draft(post: &Post, prepared: &Value) -> Result<Frozen, Failure> {
    let invalid = |why: String| Failure::new(ErrorClass::ContentInvalid, why);
    let settings =
        slack::settings(&post.settings).map_err(|why| invalid(format!("the settings for slack {why}")))?;
    let prepared = prepare::parse(prepared);
    let nowhere = || Failure::new(ErrorClass::Transient, "nobody looked where the message goes");
    let place = prepared.place.ok_or_else(nowhere)?;
    let key = new_key(SystemTime::now())?;
    let text = escaped(&post.content);
    let mut body = json!({});
    if prepared.files.is_empty() {
        body["text"] = json!(text);
        body["unfurl_links"] = json!(settings.previews);
        body["unfurl_media"] = json!(settings.previews);
        if let Some(channel) = &place.channel {
            body["channel"] = json!(channel);
            body["metadata"] = json!({ "event_type": EVENT, "event_payload": { "key": key } });
        }
        if settings.broadcast {
            body["reply_broadcast"] = json!(true);
        }
    } else {
        body["files"] = json!(prepared.files);
        body["channel_id"] = json!(place.channel);
        if !text.trim().is_empty() {
            body["initial_comment"] = json!(text);
        }
    }
    if let Some(thread) = &place.thread {
        body["thread_ts"] = json!(thread);
    }
    let files = prepared.files.into_iter().map(|file| file.id).collect();
    let sent = Sent { place, body: body.to_string(), files };
    let request =
        serde_json::to_string(&sent).map_err(|_| invalid("the post can't be written".to_owned()))?;
    Ok(Frozen { key, request })
}

#[derive(Deserialize)]
struct Posted {
    channel: String,
    ts: String,
}

/// Sends what was written down.
pub(super) async fn commit(api: &Api<'_>, frozen: &Frozen) -> Result<Published, Failure> {
    let sent = Sent::of(frozen)?;
    match api.who()? {
        Who::Webhook(service) => {
            api.execute(Phase::Commit, sent.body).await?;
            Ok(by_webhook(service, &frozen.key))
        }
        Who::Bot { .. } if sent.files.is_empty() => {
            let answer = api.post_text("chat.postMessage", sent.body.clone()).await;
            let Posted { channel, ts } = object(Phase::Commit, answer)?;
            if !slack::is_id(&channel) || !slack::is_time(&ts) {
                return Err(Failure::new(ErrorClass::OutcomeUnknown, "the answer names no message"));
            }
            Ok(published(api, &channel, Share { ts, thread: sent.place.thread }).await)
        }
        Who::Bot { channel, .. } => complete(api, channel, &sent).await,
    }
}

/// A webhook is told nothing of its message: it is called by its key.
fn by_webhook(service: &str, key: &str) -> Published {
    let team = service.split('/').next().unwrap_or_default();
    Published { external_id: key.to_owned(), url: format!("https://app.slack.com/client/{team}"), cid: None }
}

/// Completes the files. Slack says that it will show them; where, it says a moment later.
async fn complete(api: &Api<'_>, channel: &str, sent: &Sent) -> Result<Published, Failure> {
    let answer = api.post_text("files.completeUploadExternal", sent.body.clone()).await;
    if let Err(failure) = object::<Value>(Phase::Commit, answer) {
        let is_gone = failure.code.as_deref() == Some("file_not_found");
        return Err(Failure { draft_again: is_gone, ..failure });
    }
    for pause in PAUSES {
        sleep(pause).await;
        if let Ok(Some(share)) = shared(api, channel, sent).await {
            return Ok(published(api, channel, share).await);
        }
    }
    Err(Failure::new(ErrorClass::OutcomeUnknown, "Slack has the files and does not show them yet"))
}

#[derive(Deserialize)]
struct Linked {
    permalink: String,
}

/// A message that is there. Where Slack doesn't tell its address it is one that leads there.
pub(super) async fn published(api: &Api<'_>, channel: &str, share: Share) -> Published {
    let Share { ts, thread } = share;
    let params = [("channel", channel), ("message_ts", ts.as_str())];
    let told = object::<Linked>(Phase::Read, api.get("chat.getPermalink", &params).await).ok();
    let is_address = |url: &String| url.starts_with("https://") && slack::post_ref(url).is_some();
    let url = told.map(|told| told.permalink).filter(is_address);
    let url =
        url.unwrap_or_else(|| format!("https://slack.com/app_redirect?channel={channel}&message_ts={ts}"));
    let thread = thread.filter(|thread| *thread != ts).map(|thread| format!("/{thread}")).unwrap_or_default();
    Published { external_id: format!("{channel}/{ts}{thread}"), url, cid: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_mentions_nobody() {
        assert_eq!(escaped("<!channel> & <@U1> &amp;"), "&lt;!channel&gt; &amp; &lt;@U1&gt; &amp;amp;");
    }
}
