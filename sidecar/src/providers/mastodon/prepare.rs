//! What can be done before a post exists: ask the server what it accepts, upload media, wait until they are processed.
//!
//! One piece at a time, so that what is done is kept when the next piece fails. All media are uploaded before the first
//! is waited for: the server works on them meanwhile.

use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use crier_core::platform::mastodon::{self, PLATFORM};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::api::{Api, INSTANCE, Id};
use super::classify::failure;
use super::reply;
use super::upload::{State, Uploaded, state, upload};
use crate::media::Fetcher;
use crate::providers::answer::{Phase, unclear};
use crate::providers::{Failure, Post};

/// How long an upload is waited for in one try, and how long after that the next try is.
const PROCESSING: Duration = Duration::from_secs(3 * 60);
const LATER: Duration = Duration::from_secs(2 * 60);
/// The pauses between two questions: the first, and what they grow to.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// What was prepared so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Prepared {
    /// What the server accepts, once it was asked.
    #[serde(default)]
    limits: Option<Limits>,
    /// The media that are uploaded, in the order of the post.
    #[serde(default)]
    pub(super) media: Vec<Uploaded>,
    /// The post that is answered, as the account's server calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reply: Option<Id>,
    /// The server lost an upload once.
    #[serde(default)]
    lost: bool,
}

/// What the server says that it accepts, as far as it says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Limits {
    pub(super) characters: Option<u64>,
    pub(super) image_bytes: Option<u64>,
    pub(super) video_bytes: Option<u64>,
}

/// Does the next piece; `None` when there is none.
pub(super) async fn step(
    server: &Api<'_>,
    base_url: &str,
    fetcher: &Fetcher,
    post: &Post,
    prepared: &Value,
) -> Result<Option<Value>, Failure> {
    let mut prepared = parse(prepared);
    let media = post.attachments()?;
    let Some(limits) = &prepared.limits else {
        let limits = ask(server).await?;
        check_text(post, &limits)?;
        prepared.limits = Some(limits);
        return Ok(Some(json!(prepared)));
    };
    if let (Some(answered), None) = (&post.reply_to, &prepared.reply) {
        prepared.reply = Some(reply::find(server, base_url, answered).await?);
    } else if let Some(attachment) = media.get(prepared.media.len()) {
        let index = prepared.media.len() + 1;
        let uploaded = upload(server, fetcher, limits, index, attachment).await?;
        prepared.media.push(uploaded);
    } else if let Some(at) = prepared.media.iter().position(|uploaded| !uploaded.ready) {
        if processed(server, &prepared.media[at].id).await? {
            prepared.media[at].ready = true;
        } else if prepared.lost {
            return Err(Failure::new(ErrorClass::Transient, "the server lost an upload twice"));
        } else {
            prepared.lost = true;
            prepared.media.truncate(at);
        }
    } else {
        return Ok(None);
    }
    Ok(Some(json!(prepared)))
}

/// What another version stored differently is prepared again.
pub(super) fn parse(prepared: &Value) -> Prepared {
    Prepared::deserialize(prepared).unwrap_or_default()
}

/// Asks what the server accepts. Not every server says so; then it refuses what is too much for it.
async fn ask(server: &Api<'_>) -> Result<Limits, Failure> {
    let answer = server.get(INSTANCE).await.map_err(|error| unclear(Phase::Prepare, &error))?;
    match answer.status {
        200 => Ok(limits(&serde_json::from_slice(&answer.body).unwrap_or_default())),
        429 | 500 | 502..=504 => Err(failure(Phase::Prepare, &answer, SystemTime::now())),
        _ => Ok(Limits::default()),
    }
}

fn limits(instance: &Value) -> Limits {
    let configuration = &instance["configuration"];
    let media = &configuration["media_attachments"];
    // a limit of nothing is none
    let number = |value: &Value| value.as_u64().filter(|limit| *limit > 0);
    Limits {
        characters: number(&configuration["statuses"]["max_characters"]),
        image_bytes: number(&media["image_size_limit"]),
        video_bytes: number(&media["video_size_limit"]),
    }
}

/// A server of the account's own may accept less than Mastodon as it comes. A warning counts with the text.
fn check_text(post: &Post, limits: &Limits) -> Result<(), Failure> {
    let warning = mastodon::settings(&post.settings).ok().and_then(|settings| settings.spoiler_text);
    let count = PLATFORM.text.count;
    let found = count.count(&post.content) + warning.map_or(0, |warning| count.count(&warning));
    match limits.characters {
        Some(limit) if found as u64 > limit => {
            let message =
                format!("the text has {found} characters; the account's server accepts at most {limit}");
            Err(Failure::new(ErrorClass::ContentInvalid, message))
        }
        _ => Ok(()),
    }
}

/// Waits until an upload is processed. False: the server has it no longer.
async fn processed(server: &Api<'_>, id: &Id) -> Result<bool, Failure> {
    let until = Instant::now() + PROCESSING;
    let mut pause = FIRST_PAUSE;
    loop {
        match state(server, id).await? {
            State::Ready => return Ok(true),
            State::Gone => return Ok(false),
            State::Processing if Instant::now() + pause > until => {
                let message = "the server is still processing an upload";
                return Err(Failure {
                    retry_at: Some(SystemTime::now() + LATER),
                    ..Failure::new(ErrorClass::Transient, message)
                });
            }
            State::Processing => sleep(pause).await,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(content: &str, settings: Value) -> Post {
        Post { content: content.into(), media: json!([]), settings, attempt: 1, reply_to: None }
    }

    #[test]
    fn what_is_stored_is_read_back() {
        let uploaded = |id: &str, ready| Uploaded { id: Id::parse(id).unwrap(), ready };
        let prepared = Prepared {
            limits: Some(Limits { characters: Some(500), ..Limits::default() }),
            media: vec![uploaded("1", true), uploaded("b", false)],
            reply: Id::parse("9"),
            lost: true,
        };
        assert_eq!(parse(&json!(prepared)), prepared);
        for odd in [Value::Null, json!([1]), json!({"media": [{"id": "../x", "ready": true}]})] {
            assert_eq!(parse(&odd), Prepared::default(), "{odd}");
        }
    }

    #[test]
    fn a_server_says_what_it_accepts() {
        let said = json!({"configuration": {
            "statuses": {"max_characters": 5000},
            "media_attachments": {"image_size_limit": 16777216, "video_size_limit": "99 MB"},
        }});
        let expected = Limits { characters: Some(5_000), image_bytes: Some(16_777_216), video_bytes: None };
        assert_eq!(limits(&said), expected);
        for odd in [json!(null), json!([]), json!({"configuration": {"statuses": {"max_characters": 0}}})] {
            assert_eq!(limits(&odd), Limits::default(), "{odd}");
        }
    }

    #[test]
    fn a_text_has_to_fit_the_server() {
        let limits = |characters| Limits { characters, ..Limits::default() };
        let text = post(&"a".repeat(400), json!({"spoiler_text": "b".repeat(50)}));
        for enough in [Some(5_000), Some(450), None] {
            assert_eq!(check_text(&text, &limits(enough)), Ok(()));
        }
        let failure = check_text(&text, &limits(Some(449))).unwrap_err();
        assert_eq!(failure.class, ErrorClass::ContentInvalid);
        assert!(failure.message.contains("450") && failure.message.contains("449"), "{failure}");
    }
}
