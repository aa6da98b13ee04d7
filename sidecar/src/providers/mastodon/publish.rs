//! The post: written once, sent under its key.

use crier_core::error_class::ErrorClass;
use crier_core::platform::mastodon::{self, Visibility};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::api::{Api, Id, Shown, read};
use super::prepare;
use super::upload::{State, state};
use crate::providers::answer::Phase;
use crate::providers::{Failure, Frozen, Post, Published};

/// The body of a post. Read back, it tells a look what was sent.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Body {
    pub(super) status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) in_reply_to_id: Option<Id>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) media_ids: Vec<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) visibility: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) spoiler_text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sensitive: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) language: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) poll: Option<Poll>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Poll {
    options: Vec<String>,
    /// Seconds.
    expires_in: u64,
    multiple: bool,
}

/// Writes the post down. What the application left open is left to the account's own settings.
pub(super) fn draft(post: &Post, prepared: &Value, key: String) -> Result<Frozen, Failure> {
    let wrong = |why| Failure::new(ErrorClass::ContentInvalid, format!("the settings for mastodon {why}"));
    let settings = mastodon::settings(&post.settings).map_err(wrong)?;
    let prepared = prepare::parse(prepared);
    let body = Body {
        status: post.content.clone(),
        in_reply_to_id: prepared.reply,
        media_ids: prepared.media.into_iter().map(|uploaded| uploaded.id).collect(),
        visibility: settings.visibility.map(Visibility::as_str).map(str::to_owned),
        spoiler_text: settings.spoiler_text.filter(|warning| !warning.is_empty()),
        sensitive: settings.sensitive.then_some(true),
        language: settings.language,
        poll: settings.poll.map(|poll| Poll {
            options: poll.options,
            expires_in: u64::from(poll.minutes) * 60,
            multiple: poll.multiple,
        }),
    };
    let request = serde_json::to_string(&body)
        .map_err(|_| Failure::new(ErrorClass::ContentInvalid, "the post can't be written as JSON"))?;
    Ok(Frozen { key, request })
}

/// What was written down.
pub(super) fn body(frozen: &Frozen) -> Result<Body, Failure> {
    serde_json::from_str(&frozen.request)
        .map_err(|_| Failure::new(ErrorClass::Config, "the stored request is not a post of this version"))
}

/// Sends the stored bytes under their key.
pub(super) async fn commit(server: &Api<'_>, frozen: &Frozen) -> Result<Published, Failure> {
    let answer = server.publish(&frozen.key, frozen.request.clone()).await;
    match read::<Shown>(Phase::Commit, answer) {
        Ok(shown) => there(&shown),
        Err(failure) if failure.status == Some(422) => Err(explained(server, frozen, failure).await),
        Err(failure) => Err(failure),
    }
}

/// Where a post is that the server says it has.
pub(super) fn there(shown: &Shown) -> Result<Published, Failure> {
    shown.published().ok_or_else(|| {
        let message = "the server answered with a post that has no address";
        Failure { status: Some(200), ..Failure::new(ErrorClass::OutcomeUnknown, message) }
    })
}

/// Why a post was refused: it may be its media, whose ids can't be changed any more. Servers say so in the language of the
/// account, so each is asked for.
async fn explained(server: &Api<'_>, frozen: &Frozen, failure: Failure) -> Failure {
    let ids = body(frozen).map(|body| body.media_ids).unwrap_or_default();
    for id in ids {
        match state(server, &id).await {
            Ok(State::Gone) => return Failure { draft_again: true, ..failure },
            Ok(State::Processing) => return Failure { class: ErrorClass::Transient, ..failure },
            Ok(State::Ready) | Err(_) => {}
        }
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn post(content: &str, settings: Value) -> Post {
        Post { content: content.into(), media: json!([]), settings, attempt: 1, reply_to: None }
    }

    #[test]
    fn the_body_says_what_was_asked() {
        let settings = json!({"visibility": "unlisted", "spoiler_text": "cw", "sensitive": true, "language": "pt-BR",
                              "poll": {"options": ["a", "b"], "minutes": 5, "multiple": true}});
        let prepared = json!({"media": [{"id": "7", "ready": true}, {"id": "x-1", "ready": true}]});
        let frozen = draft(&post("hi", settings), &prepared, "k".into()).unwrap();
        assert_eq!(
            frozen.request,
            r#"{"status":"hi","media_ids":["7","x-1"],"visibility":"unlisted","spoiler_text":"cw","sensitive":true,"language":"pt-BR","poll":{"options":["a","b"],"expires_in":300,"multiple":true}}"#
        );
        assert_eq!(body(&frozen).map(|body| body.media_ids.len()), Ok(2));
    }

    #[test]
    fn what_is_not_asked_is_left_out() {
        let frozen = draft(&post("hi", json!({"spoiler_text": ""})), &Value::Null, "k".into()).unwrap();
        assert_eq!(frozen.request, r#"{"status":"hi"}"#);
        let failure = draft(&post("hi", json!({"visibility": "all"})), &Value::Null, "k".into()).unwrap_err();
        assert_eq!(failure.class, ErrorClass::ContentInvalid);
        let odd = Frozen { key: "k".into(), request: "[]".into() };
        assert_eq!(body(&odd).unwrap_err().class, ErrorClass::Config);
    }
}
