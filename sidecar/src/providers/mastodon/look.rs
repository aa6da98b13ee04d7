//! Looks among the account's own posts for one that was sent.
//!
//! It is ours if it is not older than the key, answers the same post, and has the text, the warning and the media that were
//! sent. Whatever leaves a doubt is an error or `Found::Other`: only a list that was read far enough back proves that nothing
//! is there.

use std::time::SystemTime;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::api::{Api, Id, STATUSES, Shown, read};
use super::publish::{Body, body, there};
use crate::providers::answer::{Phase, time};
use crate::providers::key::made_at;
use crate::providers::own_posts::{Likeness, Listed, OwnPosts, Page, search};
use crate::providers::window::{Window, answered_at};
use crate::providers::{Failure, Found, Sought};

const PAGE: usize = 40;

/// A post in the list of an account's posts. One that can't be read could be ours: then nothing is told.
#[derive(Debug, Deserialize)]
struct Status {
    #[serde(flatten)]
    shown: Shown,
    created_at: String,
    #[serde(default)]
    edited_at: Value,
    #[serde(default)]
    reblog: Value,
    #[serde(default)]
    in_reply_to_id: Value,
    #[serde(default)]
    media_attachments: Vec<Attached>,
    #[serde(default)]
    poll: Value,
}

#[derive(Debug, Deserialize)]
struct Attached {
    id: Id,
}

impl Status {
    fn answers(&self, sent: &Body) -> bool {
        serde_json::from_value::<Option<Id>>(self.in_reply_to_id.clone())
            .is_ok_and(|id| id == sent.in_reply_to_id)
    }
}

/// A text as its author wrote it.
#[derive(Debug, Deserialize)]
struct Source {
    text: String,
    #[serde(default)]
    spoiler_text: String,
}

/// How a listed post compares with what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compared {
    Same,
    /// It could be ours: changed since, or on a server that gives media other ids, or leaves out without a word what is gone.
    Alike,
    /// It could be ours if what was answered is gone: then it answers nothing any more.
    Orphan,
    Different,
}

pub(super) async fn look(server: &Api<'_>, account: &str, sought: Sought<'_>) -> Result<Found, Failure> {
    let posts = Posts {
        server,
        account: Id::parse(account)
            .ok_or_else(|| Failure::new(ErrorClass::Config, "the account's id is not one of Mastodon"))?,
        sent: body(sought.frozen)?,
        window: Window::new(made_at(sought.frozen)?, sought.drafted),
        gone: OnceCell::new(),
    };
    search(&posts, sought).await
}

/// The account's posts, compared with what was sent.
struct Posts<'a> {
    server: &'a Api<'a>,
    account: Id,
    sent: Body,
    window: Window,
    /// Whether the server has what was answered no longer.
    gone: OnceCell<bool>,
}

#[async_trait]
impl OwnPosts for Posts<'_> {
    /// The posts before this one.
    type Cursor = Id;

    async fn page(&self, next: Option<Id>) -> Result<Page<Id>, Failure> {
        let before = next.map(|id| format!("&max_id={}", id.as_str())).unwrap_or_default();
        let path = format!("api/v1/accounts/{}/statuses?limit={PAGE}{before}", self.account.as_str());
        let answer = self.server.get(&path).await;
        let answered_at = answered_at(&answer);
        let begin = self.window.begin(answered_at);
        let page: Vec<Status> = read(Phase::Read, answer)?;
        let next = page.last().map(|last| last.shown.id.clone());
        let mut listed = Vec::with_capacity(page.len());
        for status in page {
            let likeness = if is_candidate(&status, &self.sent, begin) {
                self.likeness(&status).await?
            } else {
                Likeness::Different
            };
            listed.push(Listed { at: time(&status.created_at), likeness });
        }
        Ok(Page { listed, answered_at, next })
    }
}

impl Posts<'_> {
    async fn likeness(&self, status: &Status) -> Result<Likeness, Failure> {
        let id = status.shown.id.as_str().to_owned();
        Ok(match compare(status, &source(self.server, &status.shown.id).await?, &self.sent) {
            Compared::Same => Likeness::Same(there(&status.shown)?),
            Compared::Alike => Likeness::Alike(id),
            Compared::Orphan if self.is_gone().await? => Likeness::Alike(id),
            Compared::Orphan | Compared::Different => Likeness::Different,
        })
    }

    async fn is_gone(&self) -> Result<bool, Failure> {
        self.gone.get_or_try_init(|| is_gone(self.server, self.sent.in_reply_to_id.as_ref())).await.copied()
    }
}

async fn source(server: &Api<'_>, id: &Id) -> Result<Source, Failure> {
    read(Phase::Read, server.get(&format!("api/v1/statuses/{}/source", id.as_str())).await)
}

/// Whether the server has what was answered no longer.
async fn is_gone(server: &Api<'_>, answered: Option<&Id>) -> Result<bool, Failure> {
    let Some(id) = answered else { return Ok(false) };
    match read::<IgnoredAny>(Phase::Read, server.get(&format!("{STATUSES}/{}", id.as_str())).await) {
        Ok(_) => Ok(false),
        Err(failure) if failure.class == ErrorClass::TargetMissing => Ok(true),
        Err(failure) => Err(failure),
    }
}

fn is_older(listed: &Status, than: SystemTime) -> bool {
    time(&listed.created_at).is_some_and(|at| at < than)
}

/// Whether it is worth a call to ask for its text.
fn is_candidate(listed: &Status, sent: &Body, made: SystemTime) -> bool {
    !is_older(listed, made)
        && listed.reblog.is_null()
        && (listed.answers(sent) || listed.in_reply_to_id.is_null() && sent.in_reply_to_id.is_some())
}

fn compare(listed: &Status, source: &Source, sent: &Body) -> Compared {
    let answers = listed.answers(sent);
    let doubt = if answers { Compared::Alike } else { Compared::Orphan };
    let same_kind = listed.poll.is_null() == sent.poll.is_none()
        && listed.media_attachments.len() == sent.media_ids.len();
    let same_media = listed.media_attachments.iter().map(|media| &media.id).eq(&sent.media_ids);
    let same_text = expected(sent) == (source.text.trim(), source.spoiler_text.trim());
    match (same_text, same_kind) {
        (true, true) if same_media && answers => Compared::Same,
        (true, _) => doubt,
        (false, true) if !listed.edited_at.is_null() => doubt,
        (false, _) => Compared::Different,
    }
}

/// Text and warning as servers store them: without space around them, and a warning of nothing as the text.
fn expected(sent: &Body) -> (&str, &str) {
    let (text, warning) = (sent.status.trim(), sent.spoiler_text.as_deref().unwrap_or_default().trim());
    if text.is_empty() { (warning, "") } else { (text, warning) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn listed(changes: &[(&str, Value)]) -> Status {
        let mut post = json!({
            "id": "1", "created_at": "2026-11-18T11:06:40.000Z", "url": "https://a.example/@b/1", "edited_at": null,
            "reblog": null, "in_reply_to_id": null, "poll": null, "media_attachments": [{"id": "7"}],
        });
        for (name, value) in changes {
            post[name] = value.clone();
        }
        serde_json::from_value(post).unwrap()
    }

    fn sent(text: &str, warning: Option<&str>) -> Body {
        let media_ids = vec![Id::parse("7").unwrap()];
        Body { status: text.into(), spoiler_text: warning.map(str::to_owned), media_ids, ..Body::default() }
    }

    #[test]
    fn only_new_posts_of_the_same_kind_are_read() {
        let made = time("2026-11-18T11:06:40Z").unwrap();
        let is = |changes: &[(&str, Value)]| is_candidate(&listed(changes), &sent("x", None), made);
        assert!(is(&[]));
        // a time nobody can read is no reason to pass a post over
        assert!(is(&[("created_at", json!("yesterday"))]));
        for (name, value) in [
            ("created_at", json!("2026-11-18T11:06:39.999Z")),
            ("reblog", json!({"id": "2"})),
            ("in_reply_to_id", json!("2")),
        ] {
            assert!(!is(&[(name, value.clone())]), "{name} {value}");
        }
    }

    #[test]
    fn an_answer_is_told_from_the_same_text_elsewhere() {
        let made = time("2026-11-18T11:06:40Z").unwrap();
        let answer = Body { in_reply_to_id: Id::parse("2"), ..sent("hi", None) };
        let source = Source { text: "hi".into(), spoiler_text: String::new() };
        let of = |id: Value| listed(&[("in_reply_to_id", id)]);
        assert!(
            is_candidate(&of(json!("2")), &answer, made) && !is_candidate(&of(json!("3")), &answer, made)
        );
        assert_eq!(compare(&of(json!("2")), &source, &answer), Compared::Same);
        // the post that it answered may be gone
        assert!(is_candidate(&of(Value::Null), &answer, made));
        assert_eq!(compare(&of(Value::Null), &source, &answer), Compared::Orphan);
    }

    #[test]
    fn text_warning_and_media_make_a_post_ours() {
        let source = |text: &str, warning: &str| Source { text: text.into(), spoiler_text: warning.into() };
        let (as_sent, plain) = (sent(" hi\n", Some("cw ")), listed(&[]));
        let edited = listed(&[("edited_at", json!("2026-11-18T11:07:00Z"))]);
        let others = listed(&[("media_attachments", json!([{"id": 8}]))]);
        // a server that knows an image no longer can leave it out, and one without polls a poll
        let fewer = listed(&[("media_attachments", json!([]))]);
        let edited_fewer =
            listed(&[("media_attachments", json!([])), ("edited_at", json!("2026-11-18T11:07:00Z"))]);
        let asking = listed(&[("poll", json!({"id": "2"}))]);
        for (listed, source, likeness) in [
            (&plain, source("hi", "cw"), Compared::Same),
            (&edited, source("hi", "cw"), Compared::Same),
            (&others, source("hi", "cw"), Compared::Alike),
            (&fewer, source("hi", "cw"), Compared::Alike),
            (&asking, source("hi", "cw"), Compared::Alike),
            (&fewer, source("hi!", "cw"), Compared::Different),
            (&edited_fewer, source("hi!", "cw"), Compared::Different),
            (&asking, source("hi!", "cw"), Compared::Different),
            (&plain, source("hi!", "cw"), Compared::Different),
            (&plain, source("hi", ""), Compared::Different),
            (&edited, source("hi!", "cw"), Compared::Alike),
        ] {
            assert_eq!(compare(listed, &source, &as_sent), likeness, "{listed:?} {source:?}");
        }
        assert_eq!(compare(&plain, &source("cw", ""), &sent(" ", Some("cw"))), Compared::Same);
    }

    #[test]
    fn a_list_is_read_as_a_whole_or_not_at_all() {
        for odd in [
            json!({"id": "1"}),
            json!({"created_at": "x"}),
            json!({"id": "a/b", "created_at": "x"}),
            json!(1),
        ] {
            assert!(serde_json::from_value::<Vec<Status>>(json!([odd])).is_err(), "{odd}");
        }
    }
}
