//! Comments: published in one call, and found again among those of the post.

use std::time::SystemTime;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::linkedin::{is_post, post_urn};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::{Api, encoded, read};
use super::prepare;
use super::publish::{author, closed, is_closed, unreadable};
use super::shown::{millis, page};
use crate::providers::answer::{Fields, Phase};
use crate::providers::own_posts::{Likeness, Listed, OwnPosts, Page, search};
use crate::providers::window::answered_at;
use crate::providers::{Failure, Found, Frozen, Post, Published, Sought};

/// How many comments a page has.
const PAGE: usize = 100;
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
        let Fields(Made { comment_urn }) = read(Phase::Commit, api.post(&self.path(), &body).await)?;
        self.there(&comment_urn)
            .ok_or_else(|| Failure::new(ErrorClass::OutcomeUnknown, "the answer names no comment"))
    }

    /// Looks for it among those of its post.
    pub(super) async fn look(&self, api: &Api<'_>, sought: Sought<'_>) -> Result<Found, Failure> {
        let found = search(&Comments { api, sent: self }, sought).await;
        found.map_err(|failure| if is_closed(&failure, &self.actor) { closed(failure) } else { failure })
    }

    /// A comment has no page of its own: it is seen under its post.
    fn there(&self, urn: &str) -> Option<Published> {
        parts(urn)?;
        let url =
            format!("https://www.linkedin.com/feed/update/{}?commentUrn={}", self.comment_on, encoded(urn));
        Some(Published { external_id: urn.to_owned(), url, cid: None })
    }

    fn listed(&self, shown: &Shown) -> Listed {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
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

    async fn page(&self, next: Option<usize>) -> Result<Page<usize>, Failure> {
        let start = next.unwrap_or(0);
        let path = format!("{}?count={PAGE}&start={start}", self.sent.path());
        let answer = self.api.get(&path).await;
        let at: Option<SystemTime> = answered_at(&answer);
        let Fields(List { elements }) = read(Phase::Read, answer)?;
        let is_last = elements.is_empty();
        let mut listed: Vec<_> = elements.iter().map(|shown| self.sent.listed(shown)).collect();
        // The oldest may come first: then what is new is on the last page, and every page is read.
        if !is_last {
            listed.push(Listed { at: None, likeness: Likeness::Different });
        }
        Ok(page(listed, at, (!is_last).then_some(start + PAGE)))
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
