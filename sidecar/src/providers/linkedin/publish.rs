//! The post: written down once, sent as it was written, looked for among the newest of its author.

use std::time::{Instant, SystemTime};

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::media::{Attachment, Kind};
use crier_core::platform::linkedin::{self, Settings, is_post, little};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::api::{Api, MADE, done, encoded, read};
use super::classify::named;
use super::prepare::{self, Prepared};
use super::session::is_member;
use super::shown::{Sent, Shown, before, made};
use crate::client::{Answer, CallError};
use crate::providers::answer::{Fields, Phase};
use crate::providers::key::made_at;
use crate::providers::own_posts::{Likeness, OwnPosts, Page, search};
use crate::providers::window::{Window, answered_at};
use crate::providers::{Failure, Found, Frozen, Post, Published, Sought};

/// How many posts a page has, and how many pages are read at most. A post of 3,000 characters may come in six bytes for each.
const PAGE: usize = 20;
const MAX_PAGES: usize = 25;
/// How far LinkedIn's clock and ours may be apart, in seconds, where its number of a post is compared.
const CLOCKS: u64 = 60;
/// What a document is called that has no title.
const UNTITLED: &str = "Document";

/// What is frozen: the body as it is sent.
#[derive(Serialize, Deserialize)]
struct Written<'a> {
    /// What is not answered and can't be looked for is sent again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    resend: bool,
    #[serde(borrow)]
    body: &'a RawValue,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    author: &'a str,
    commentary: String,
    visibility: &'static str,
    distribution: Distribution,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Value>,
    lifecycle_state: &'static str,
    is_reshare_disabled_by_author: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Distribution {
    feed_distribution: &'static str,
    target_entities: [(); 0],
    third_party_distribution_channels: [(); 0],
}

/// Writes the post down.
pub(super) fn draft(post: &Post, prepared: &Value, key: String) -> Result<Frozen, Failure> {
    let wrong = |why| Failure::new(ErrorClass::ContentInvalid, format!("the settings for linkedin {why}"));
    let settings = linkedin::settings(&post.settings).map_err(wrong)?;
    let prepared = prepare::parse(prepared);
    let body = Body {
        author: author(&prepared)?,
        commentary: little(&post.content),
        visibility: settings.visibility.as_str(),
        distribution: Distribution {
            feed_distribution: "MAIN_FEED",
            target_entities: [],
            third_party_distribution_channels: [],
        },
        content: content(&post.attachments()?, &prepared, &settings),
        lifecycle_state: "PUBLISHED",
        is_reshare_disabled_by_author: settings.no_resharing,
    };
    let body = to_raw_value(&body).map_err(unreadable)?;
    let written = Written { resend: settings.resend_unclear, body: &body };
    Ok(Frozen { key, request: serde_json::to_string(&written).map_err(unreadable)? })
}

/// Who publishes, as it was prepared.
pub(super) fn author(prepared: &Prepared) -> Result<&str, Failure> {
    let author = Some(prepared.author.as_str()).filter(|author| !author.is_empty());
    author.ok_or_else(|| Failure::new(ErrorClass::Transient, "who publishes is not prepared yet"))
}

/// What stands beside the text.
fn content(media: &[Attachment], prepared: &Prepared, settings: &Settings) -> Option<Value> {
    let shown = |(one, urn): (&Attachment, &str)| {
        let mut shown = json!({ "id": urn });
        match one.kind() {
            Kind::Image if !one.alt.trim().is_empty() => shown["altText"] = json!(one.alt),
            Kind::Image => {}
            Kind::Video => {
                if let Some(title) = &settings.title {
                    shown["title"] = json!(title);
                }
            }
            Kind::Document => shown["title"] = json!(settings.title.as_deref().unwrap_or(UNTITLED)),
        }
        shown
    };
    let urns = prepared.media.iter().map(|uploaded| uploaded.urn.as_str());
    let mut all: Vec<_> = media.iter().zip(urns).map(shown).collect();
    match (all.len(), &settings.article) {
        (0, Some(article)) => {
            let mut card = json!({ "source": article.url, "title": article.title });
            if !article.description.is_empty() {
                card["description"] = json!(article.description);
            }
            Some(json!({ "article": card }))
        }
        (0, None) => None,
        (1, _) => all.pop().map(|one| json!({ "media": one })),
        _ => Some(json!({ "multiImage": { "images": all } })),
    }
}

fn written(frozen: &Frozen) -> Result<Written<'_>, Failure> {
    serde_json::from_str(&frozen.request).map_err(unreadable)
}

pub(super) fn unreadable(_: serde_json::Error) -> Failure {
    Failure::new(ErrorClass::Config, "the stored post is not of this version")
}

fn sent(written: &Written<'_>) -> Result<Sent, Failure> {
    serde_json::from_str(written.body.get()).map_err(unreadable)
}

/// Sends the post.
pub(super) async fn commit(api: &Api<'_>, frozen: &Frozen) -> Result<Published, Failure> {
    let body = written(frozen)?.body.get().to_owned();
    let window = Window::new(SystemTime::now(), Some(Instant::now()));
    let answer = api.post_text("posts", body).await;
    let begun = window.begin(answered_at(&answer));
    match created(answer) {
        Err(failure) if failure.class == ErrorClass::Duplicate => {
            let (existing, existing_unread) = match existing(api, frozen, &failure, begun).await? {
                Some((existing, is_read)) => (Some(Box::new(existing)), !is_read),
                None => (None, false),
            };
            Err(Failure { existing, existing_unread, ..failure })
        }
        created => created,
    }
}

/// The post that LinkedIn says it made: it names it in a header.
pub(super) fn created(answer: Result<Answer, CallError>) -> Result<Published, Failure> {
    let answer = done(Phase::Commit, answer)?;
    published(answer.header(&MADE).unwrap_or_default())
        .ok_or_else(|| Failure::new(ErrorClass::OutcomeUnknown, "the answer names no post"))
}

/// A post by its name.
pub(super) fn published(urn: &str) -> Option<Published> {
    is_post(urn).then(|| Published {
        external_id: urn.to_owned(),
        url: format!("https://www.linkedin.com/feed/update/{urn}"),
        cid: None,
    })
}

/// The post that a refusal names, if it can be what was written down, and whether it was read. Its number says when it was made: one
/// that is older is somebody else's. One that is not there, a ghost, is none. Where it may not be read, only one that was made before
/// this call began can be there: LinkedIn also names what this very call would have made.
async fn existing(
    api: &Api<'_>,
    frozen: &Frozen,
    failure: &Failure,
    begun: SystemTime,
) -> Result<Option<(Published, bool)>, Failure> {
    let Some(there) = named(failure).and_then(published) else { return Ok(None) };
    let written_at = before(made_at(frozen)?, CLOCKS);
    let Some(at) = made(&there.external_id).filter(|at| *at >= written_at) else { return Ok(None) };
    let sent = sent(&written(frozen)?)?;
    let path = format!("posts/{}", encoded(&there.external_id));
    Ok(match read::<Fields<Shown>>(Phase::Read, api.get(&path).await) {
        Ok(Fields(shown)) => matches!(shown.likeness(&sent), Likeness::Same(_)).then_some((there, true)),
        Err(failure) if is_closed(&failure, &sent.author) && at < begun => Some((there, false)),
        Err(_) => None,
    })
}

#[derive(Deserialize)]
struct List {
    elements: Vec<Shown>,
}

/// The posts of an author.
struct Posts<'a> {
    api: &'a Api<'a>,
    sent: Sent,
}

#[async_trait]
impl OwnPosts for Posts<'_> {
    type Cursor = usize;

    /// In which order LinkedIn lists is not said clearly.
    fn is_in_order(&self) -> bool {
        false
    }

    fn max_pages(&self) -> usize {
        MAX_PAGES
    }

    async fn page(&self, next: Option<usize>) -> Result<Page<usize>, Failure> {
        let start = next.unwrap_or(0);
        let path = format!(
            "posts?q=author&author={}&count={PAGE}&start={start}&sortBy=CREATED",
            encoded(&self.sent.author)
        );
        let answer = self.api.get(&path).await;
        let at: Option<SystemTime> = answered_at(&answer);
        let Fields(List { elements }) = read(Phase::Read, answer)?;
        // a page may be shorter than was asked for and not be the last
        let next = (!elements.is_empty()).then_some(start + PAGE);
        let listed = elements.iter().map(|shown| shown.listed(&self.sent)).collect();
        Ok(Page { listed, answered_at: at, next })
    }
}

/// Looks for the post among those of its author since it was written down.
pub(super) async fn look(api: &Api<'_>, sought: Sought<'_>) -> Result<Found, Failure> {
    let written = written(sought.frozen)?;
    let posts = Posts { api, sent: sent(&written)? };
    match search(&posts, sought).await {
        // What an application has chosen that would rather see LinkedIn refuse a duplicate than ask a person.
        Err(failure) if is_closed(&failure, &posts.sent.author) && written.resend => Ok(Found::Absent),
        Err(failure) if is_closed(&failure, &posts.sent.author) => Err(failure.closed(CLOSED)),
        found => found,
    }
}

/// LinkedIn lets only some apps read what members post: no new login would change that, and no later look.
fn is_closed(failure: &Failure, author: &str) -> bool {
    failure.class == ErrorClass::Permission && is_member(author)
}

/// What is said then.
pub(super) const CLOSED: &str = "linkedin does not let this app read the account's posts or comments: whether it was published only a person can see";
