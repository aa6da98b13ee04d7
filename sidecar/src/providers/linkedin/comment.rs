//! Comments: published in one call, and found again among those of the post.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::linkedin::{is_post, post_urn};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::{Api, encoded, read};
use super::prepare;
use super::publish::{CLOSED, author, unreadable};
use super::shown::{made, millis};
use crate::providers::answer::{Fields, Phase};
use crate::providers::own_posts::{Likeness, Listed, OwnPosts, Page, search};
use crate::providers::window::answered_at;
use crate::providers::words::words;
use crate::providers::{Failure, Found, Frozen, Post, Published, Sought};

/// How many comments a page has, and how many pages are read at most.
const PAGE: usize = 50;
const MAX_PAGES: usize = 20;
/// How long a post may be unknown where comments are taken, and how soon that is tried again.
const YOUNG: Duration = Duration::from_secs(10 * 60);
const SOON: Duration = Duration::from_secs(60);
/// The most characters of the name of a comment.
const MAX_URN: usize = 200;

/// What is written down.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Comment {
    comment_on: String,
    actor: String,
    text: String,
}

/// Writes the comment down.
pub(super) fn draft(post: &Post, answered: &str, prepared: &Value, key: String) -> Result<Frozen, Failure> {
    let no_post = || Failure::new(ErrorClass::ContentInvalid, "what is commented is no post on linkedin");
    let comment = Comment {
        comment_on: post_urn(answered).ok_or_else(no_post)?,
        actor: author(&prepare::parse(prepared))?.to_owned(),
        text: post.content.clone(),
    };
    Ok(Frozen { key, request: serde_json::to_string(&comment).map_err(unreadable)? })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    comment_urn: String,
}

#[derive(Deserialize)]
struct List {
    elements: Vec<Shown>,
}

/// A comment as LinkedIn gives it back.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    comment_urn: String,
    actor: String,
    #[serde(default)]
    message: Value,
    #[serde(default)]
    created: Value,
}

impl Comment {
    /// The comment that was written down, if it was one.
    pub(super) fn of(frozen: &Frozen) -> Option<Self> {
        serde_json::from_str(&frozen.request).ok().filter(|comment: &Self| is_post(&comment.comment_on))
    }

    fn path(&self) -> String {
        format!("socialActions/{}/comments", encoded(&self.comment_on))
    }

    /// Sends it.
    pub(super) async fn commit(&self, api: &Api<'_>) -> Result<Published, Failure> {
        let body =
            json!({ "actor": self.actor, "object": self.comment_on, "message": { "text": self.text } });
        let answer = read(Phase::Commit, api.post(&self.path(), &body).await);
        let Fields(Made { comment_urn }) =
            answer.map_err(|failure| self.refused(failure, SystemTime::now()))?;
        self.there(&comment_urn)
            .ok_or_else(|| Failure::new(ErrorClass::OutcomeUnknown, "the answer names no comment"))
    }

    /// Looks for it among those of its post.
    pub(super) async fn look(&self, api: &Api<'_>, sought: Sought<'_>) -> Result<Found, Failure> {
        search(&Comments { api, sent: self }, sought).await.map_err(|failure| failure.closed(CLOSED))
    }

    /// A post that was made just now, as its number tells, may not be known yet where comments are taken.
    fn refused(&self, failure: Failure, now: SystemTime) -> Failure {
        let is_young =
            made(&self.comment_on).is_some_and(|at| at.checked_add(YOUNG).is_some_and(|until| now < until));
        if failure.class != ErrorClass::TargetMissing || !is_young {
            return failure;
        }
        Failure { class: ErrorClass::Transient, retry_at: Some(now + SOON), ..failure }
    }

    /// A comment has no page of its own: it is seen under its post.
    fn there(&self, urn: &str) -> Option<Published> {
        parts(urn)?;
        let url =
            format!("https://www.linkedin.com/feed/update/{}?commentUrn={}", self.comment_on, encoded(urn));
        Some(Published { external_id: urn.to_owned(), url, cid: None })
    }

    fn listed(&self, shown: &Shown) -> Listed {
        let text = shown.message["text"].as_str().unwrap_or_default();
        let likeness = if shown.actor != self.actor || words(text) != words(&self.text) {
            Likeness::Different
        } else {
            let alike = || Likeness::Alike(shown.comment_urn.clone());
            self.there(&shown.comment_urn).map_or_else(alike, Likeness::Same)
        };
        Listed { at: shown.created["time"].as_u64().and_then(millis), likeness }
    }
}

/// The comments of a post.
struct Comments<'a> {
    api: &'a Api<'a>,
    sent: &'a Comment,
}

#[async_trait]
impl OwnPosts for Comments<'_> {
    type Cursor = usize;

    /// In which order LinkedIn lists comments is not said.
    fn is_in_order(&self) -> bool {
        false
    }

    fn max_pages(&self) -> usize {
        MAX_PAGES
    }

    async fn page(&self, next: Option<usize>) -> Result<Page<usize>, Failure> {
        let start = next.unwrap_or(0);
        let path = format!("{}?count={PAGE}&start={start}", self.sent.path());
        let answer = self.api.get(&path).await;
        let at: Option<SystemTime> = answered_at(&answer);
        let Fields(List { elements }) = read(Phase::Read, answer)?;
        // a page may be shorter than was asked for and not be the last
        let next = (!elements.is_empty()).then_some(start + PAGE);
        let listed = elements.iter().map(|shown| self.sent.listed(shown)).collect();
        Ok(Page { listed, answered_at: at, next })
    }
}

/// The post and the number of `urn:li:comment:(urn:li:share:7,8)`.
fn parts(urn: &str) -> Option<(&str, &str)> {
    let (post, number) = urn.strip_prefix("urn:li:comment:(")?.strip_suffix(')')?.split_once(',')?;
    let fits = urn.len() <= MAX_URN && is_post(post) && number.bytes().all(|b| b.is_ascii_digit());
    (fits && !number.is_empty()).then_some((post, number))
}

/// Where a comment is taken back.
pub(super) fn path_of(urn: &str, actor: &str) -> Option<String> {
    let (post, number) = parts(urn)?;
    Some(format!("socialActions/{}/comments/{number}?actor={}", encoded(post), encoded(actor)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::answer::seconds_since_1970;

    #[test]
    fn only_of_a_post_that_is_new_it_is_not_the_last_word_that_there_is_none() {
        let now = SystemTime::now();
        let of = |age: u64| {
            let at = seconds_since_1970(now) - age;
            let comment_on = format!("urn:li:share:{}", (at * 1_000) << 22);
            let comment = Comment { comment_on, actor: "urn:li:person:a".into(), text: "hi".into() };
            move |class| comment.refused(Failure::new(class, "no"), now)
        };
        let young = of(30)(ErrorClass::TargetMissing);
        assert_eq!((young.class, young.retry_at), (ErrorClass::Transient, Some(now + SOON)));
        assert_eq!(of(30)(ErrorClass::Permission).class, ErrorClass::Permission);
        assert_eq!(of(3_600)(ErrorClass::TargetMissing).class, ErrorClass::TargetMissing);
    }

    #[test]
    fn a_comment_is_named_by_its_post_and_its_number() {
        assert_eq!(parts("urn:li:comment:(urn:li:activity:7,8)"), Some(("urn:li:activity:7", "8")));
        for odd in [
            "",
            "urn:li:share:7",
            "urn:li:comment:(urn:li:share:7)",
            "urn:li:comment:(urn:li:share:7,)",
            "urn:li:comment:(x,8)",
        ] {
            assert_eq!(parts(odd), None, "{odd}");
        }
    }
}
