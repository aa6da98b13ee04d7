//! The post or the comment: written down once, sent as it was written.

use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use crier_core::media::Attachment;
use crier_core::platform::reddit::{self, PLATFORM, Settings, Shape, is_id, is_thing, thing};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::sleep;
use url::form_urlencoded;

use super::api::Api;
use super::classify::made;
use super::look::Own;
use super::media::{Asset, Prepared, parse};
use crate::providers::answer::Phase;
use crate::providers::key::new_key;
use crate::providers::{Account, Failure, Found, Frozen, NoOthers, Post, Published, Sought};

/// Before each look for an image or a video, which Reddit takes without saying what its post is called.
pub(super) const PAUSES: &[Duration] = &[
    Duration::from_millis(300),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(5),
    Duration::from_secs(10),
];
/// When the next try looks for one that is not shown by then.
const LATER: Duration = Duration::from_secs(3 * 60);
/// How long after a send an image, or a video, may be there and not be shown: as long as its processing takes.
const IMAGE: Duration = Duration::from_secs(10 * 60);
const VIDEO: Duration = Duration::from_secs(30 * 60);

/// The call that is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Call {
    Submit,
    SubmitGallery,
    Comment,
}

/// What was written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sent {
    call: Call,
    /// The request to the byte, as it is sent.
    body: String,
}

/// What is looked for, read from what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A post.
    Post { subreddit: String, title: String, text: String, of: Of },
    /// A comment on a post or a comment.
    Comment { on: String, text: String },
}

/// What a post is made of besides its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Of {
    Nothing,
    Link(String),
    /// The ids of its uploads.
    Media(Vec<String>),
}

/// A gallery. Everything that isn't set is left out.
#[derive(Serialize, Deserialize)]
struct Gallery {
    api_type: String,
    sr: String,
    title: String,
    items: Vec<Item>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    nsfw: bool,
    spoiler: bool,
    sendreplies: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    flair_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    flair_text: Option<String>,
    validate_on_submit: bool,
    show_error_list: bool,
}

#[derive(Serialize, Deserialize)]
struct Item {
    media_id: String,
    caption: String,
    outbound_url: String,
}

pub(super) fn invalid(why: &str) -> Failure {
    Failure::new(ErrorClass::ContentInvalid, why)
}

/// A form.
pub(super) fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// The settings of a post.
pub(super) fn settings(post: &Post) -> Result<Settings, Failure> {
    reddit::settings(&post.settings)
        .map_err(|why| invalid(&format!("the settings for {} {why}", PLATFORM.name)))
}

/// Writes it down.
pub(super) fn draft(post: &Post, prepared: &Value) -> Result<Frozen, Failure> {
    let sent = match &post.reply_to {
        Some(on) => comment(on, &post.content)?,
        None => submission(post, parse(prepared))?,
    };
    let request = serde_json::to_string(&sent).map_err(|_| invalid("the post can't be written as JSON"))?;
    Ok(Frozen { key: new_key(SystemTime::now())?, request })
}

fn comment(on: &str, text: &str) -> Result<Sent, Failure> {
    let on =
        thing(on).ok_or_else(|| invalid("what is commented is neither a post nor a comment of Reddit"))?;
    Ok(Sent { call: Call::Comment, body: form(&[("api_type", "json"), ("thing_id", &on), ("text", text)]) })
}

fn submission(post: &Post, prepared: Prepared) -> Result<Sent, Failure> {
    let (settings, media) = (settings(post)?, post.attachments()?);
    let shape = Shape::of(&media, &settings);
    let has_media = matches!(shape, Shape::Image | Shape::Gallery | Shape::Video);
    let is_ready =
        prepared.assets.len() == media.len() && (shape == Shape::Video) == prepared.poster.is_some();
    if has_media && !is_ready {
        return Err(Failure::new(ErrorClass::Transient, "the media of the post are not uploaded"));
    }
    let text = Some(post.content.as_str()).filter(|text| !text.trim().is_empty());
    if shape == Shape::Gallery {
        return gallery(settings, text, &media, prepared.assets);
    }
    let first = prepared.assets.first().map(|asset| asset.url.as_str());
    let (kind, url) = match shape {
        Shape::Link => ("link", settings.link.as_deref()),
        Shape::Image => ("image", first),
        Shape::Video => ("video", first),
        Shape::Text | Shape::Gallery => ("self", None),
    };
    let word = |yes: bool| if yes { "true" } else { "false" };
    let mut pairs = vec![
        ("api_type", "json"),
        ("sr", settings.subreddit.as_str()),
        ("kind", kind),
        ("title", settings.title.trim()),
    ];
    pairs.extend(url.map(|url| ("url", url)));
    pairs.extend(prepared.poster.as_ref().map(|poster| ("video_poster_url", poster.url.as_str())));
    pairs.extend(text.map(|text| ("text", text)));
    pairs.extend([
        ("nsfw", word(settings.nsfw)),
        ("spoiler", word(settings.spoiler)),
        ("sendreplies", word(settings.send_replies.unwrap_or(true))),
        // what a link has been posted as before is refused, and uploads are new each time
        ("resubmit", word(settings.resubmit || shape != Shape::Link)),
    ]);
    pairs.extend(settings.flair_id.as_deref().map(|id| ("flair_id", id)));
    pairs.extend(settings.flair_text.as_deref().map(|text| ("flair_text", text)));
    pairs.push(("validate_on_submit", "true"));
    Ok(Sent { call: Call::Submit, body: form(&pairs) })
}

/// Alternative texts are captions, which everybody sees.
fn gallery(
    settings: Settings,
    text: Option<&str>,
    media: &[Attachment],
    assets: Vec<Asset>,
) -> Result<Sent, Failure> {
    let items = assets.into_iter().zip(media).map(|(asset, one)| Item {
        media_id: asset.id,
        caption: one.alt.clone(),
        outbound_url: String::new(),
    });
    let gallery = Gallery {
        api_type: "json".to_owned(),
        title: settings.title.trim().to_owned(),
        items: items.collect(),
        text: text.map(str::to_owned),
        nsfw: settings.nsfw,
        spoiler: settings.spoiler,
        sendreplies: settings.send_replies.unwrap_or(true),
        flair_id: settings.flair_id,
        flair_text: settings.flair_text,
        validate_on_submit: true,
        show_error_list: true,
        sr: settings.subreddit,
    };
    let body = serde_json::to_string(&gallery).map_err(|_| invalid("the post can't be written as JSON"))?;
    Ok(Sent { call: Call::SubmitGallery, body })
}

fn another_version() -> Failure {
    Failure::new(ErrorClass::Config, "the stored request is not of this version")
}

impl Sent {
    pub(super) fn of(frozen: &Frozen) -> Result<Self, Failure> {
        serde_json::from_str(&frozen.request).map_err(|_| another_version())
    }

    /// What of it is looked for.
    pub(super) fn wanted(&self) -> Result<Wanted, Failure> {
        if self.call == Call::SubmitGallery {
            let gallery: Gallery = serde_json::from_str(&self.body).map_err(|_| another_version())?;
            return Ok(Wanted::Post {
                subreddit: gallery.sr,
                title: gallery.title,
                text: gallery.text.unwrap_or_default(),
                of: Of::Media(gallery.items.into_iter().map(|item| item.media_id).collect()),
            });
        }
        let field = |name: &str| {
            let mut pairs = form_urlencoded::parse(self.body.as_bytes());
            pairs.find(|(found, _)| found == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        if self.call == Call::Comment {
            let on = Some(field("thing_id")).filter(|on| is_thing(on)).ok_or_else(another_version)?;
            return Ok(Wanted::Comment { on, text: field("text") });
        }
        let url = field("url");
        let of = match field("kind").as_str() {
            "self" => Of::Nothing,
            "link" => Of::Link(url),
            "image" | "video" => Of::Media(url.rsplit('/').next().map(str::to_owned).into_iter().collect()),
            _ => return Err(another_version()),
        };
        Ok(Wanted::Post { subreddit: field("sr"), title: field("title"), text: field("text"), of })
    }

    /// How long after a send of it a post may be there and not be shown.
    pub(super) fn settles(&self) -> Duration {
        let is = |kind: &str| self.body.contains(&form(&[("kind", kind)]));
        match self.call {
            Call::Submit if is("video") => VIDEO,
            Call::Submit if is("image") => IMAGE,
            Call::SubmitGallery => IMAGE,
            Call::Submit | Call::Comment => PLATFORM.settles,
        }
    }
}

#[derive(Deserialize)]
struct Submitted {
    #[serde(default)]
    name: Value,
    #[serde(default)]
    id: Value,
    #[serde(default)]
    websocket_url: Value,
}

#[derive(Deserialize)]
struct Commented {
    things: Vec<Thing>,
}

#[derive(Deserialize)]
struct Thing {
    data: CommentMade,
}

#[derive(Deserialize)]
struct CommentMade {
    name: String,
    link_id: String,
}

/// Sends it.
pub(super) async fn commit(
    api: &Api<'_>,
    account: &Account,
    frozen: &Frozen,
    pauses: &[Duration],
) -> Result<Published, Failure> {
    let sent = Sent::of(frozen)?;
    let wanted = sent.wanted()?;
    let body = sent.body.clone();
    let Wanted::Post { subreddit, of, .. } = &wanted else {
        let Commented { things } = made(Phase::Commit, api.form("api/comment", body).await)?;
        let [Thing { data }] = things.as_slice() else { return Err(nameless()) };
        return comment_there(&data.name, &data.link_id).ok_or_else(nameless);
    };
    let answer = match sent.call {
        Call::SubmitGallery => api.json("api/submit_gallery_post.json", body).await,
        Call::Submit | Call::Comment => api.form("api/submit", body).await,
    };
    let Submitted { name, id, websocket_url } = made(Phase::Commit, answer)?;
    // a gallery has its full name as its id
    let named = name.as_str().or(id.as_str());
    match named.and_then(|name| there(name, subreddit)) {
        Some(published) => Ok(published),
        None if websocket_url.is_string() && matches!(of, Of::Media(_)) => {
            shown(api, account, frozen, pauses).await
        }
        None => Err(nameless()),
    }
}

/// Reddit has the media, and their post is there once they are processed. Who waits at the address that it names is told; whoever
/// looks sees it too, also in the next try.
async fn shown(
    api: &Api<'_>,
    account: &Account,
    frozen: &Frozen,
    pauses: &[Duration],
) -> Result<Published, Failure> {
    for pause in pauses {
        sleep(*pause).await;
        let sought = Sought { frozen, drafted: None, others: &NoOthers };
        if let Ok(Found::Same(published)) = Own::new(api, account, frozen)?.search(sought).await {
            return Ok(published);
        }
    }
    let message = "Reddit has the media and does not show their post yet";
    Err(Failure {
        retry_at: Some(SystemTime::now() + LATER),
        ..Failure::new(ErrorClass::OutcomeUnknown, message)
    })
}

fn nameless() -> Failure {
    Failure { status: Some(200), ..Failure::new(ErrorClass::OutcomeUnknown, "the answer names no post") }
}

/// A post that is there.
pub(super) fn there(name: &str, subreddit: &str) -> Option<Published> {
    let id = name.strip_prefix("t3_").filter(|id| is_id(id))?;
    let url = format!("https://www.reddit.com/r/{subreddit}/comments/{id}/");
    Some(Published { external_id: name.to_owned(), url, cid: None })
}

/// A comment that is there, under this post.
pub(super) fn comment_there(name: &str, post: &str) -> Option<Published> {
    let id = name.strip_prefix("t1_").filter(|id| is_id(id))?;
    let post = post.strip_prefix("t3_").filter(|id| is_id(id))?;
    let url = format!("https://www.reddit.com/comments/{post}/_/{id}/");
    Some(Published { external_id: name.to_owned(), url, cid: None })
}
