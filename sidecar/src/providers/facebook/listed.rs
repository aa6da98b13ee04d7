//! The page's posts, compared with what was sent.
//!
//! Photos were uploaded for one post alone, so they decide by themselves; a text can stand in several posts, each with a link of its
//! own. One that was changed since could be ours, whatever it says now.

use std::time::Duration;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use serde_json::Value;

use super::PERMALINK;
use super::classify::read;
use super::publish::Feed;
use crate::providers::answer::Phase;
use crate::providers::graph::{Graph, is_object, next, published, time};
use crate::providers::own_posts::{Likeness, Listed, OwnPosts, Page};
use crate::providers::window::answered_at;
use crate::providers::words::{address, is_in, words};
use crate::providers::{Account, Failure};

/// How many posts a page of the list has, and how many pages are read at most. A text may have 63,206 characters.
const PAGE: &str = "10";
const MAX_PAGES: usize = 25;
/// A post was changed if its time of change is so much later than that of its making. A comment counts as one too.
const CHANGED: Duration = Duration::from_secs(1);

/// The posts of a page, beside what was sent.
pub(super) struct Posts<'a> {
    pub(super) server: &'a Graph<'a>,
    pub(super) account: &'a Account,
    pub(super) sent: &'a Feed,
}

#[async_trait]
impl OwnPosts for Posts<'_> {
    type Cursor = String;

    fn max_pages(&self) -> usize {
        MAX_PAGES
    }

    async fn page(&self, after: Option<String>) -> Result<Page<String>, Failure> {
        const FIELDS: &str = "id,message,created_time,updated_time,permalink_url,\
                              attachments{type,unshimmed_url,target{id},subattachments{type,target{id}}}";
        let path = format!("{}/published_posts", self.account.external_id);
        let mut query = vec![("fields", FIELDS), ("limit", PAGE)];
        query.extend(after.as_deref().map(|after| ("after", after)));
        let answer = self.server.get(&path, &query).await;
        let answered_at = answered_at(&answer);
        let page: Value = read(Phase::Read, answer)?;
        let posts = page["data"].as_array().ok_or_else(|| unreadable("a list"))?;
        let listed = posts.iter().map(|post| self.listed(post)).collect::<Result<_, _>>()?;
        Ok(Page { listed, answered_at, next: next(&page["paging"])? })
    }
}

impl Posts<'_> {
    fn listed(&self, post: &Value) -> Result<Listed, Failure> {
        let id = post["id"].as_str().filter(|id| is_object(id)).ok_or_else(|| unreadable("a post"))?;
        let at = time(post["created_time"].as_str().unwrap_or_default())?;
        let updated = post["updated_time"].as_str().and_then(|updated| time(updated).ok());
        let changed = updated.is_some_and(|updated| updated > at + CHANGED);
        let same_text = words(post["message"].as_str().unwrap_or_default()) == words(&self.sent.message);
        let url = post[PERMALINK].as_str().map(str::to_owned);
        let alike = || Likeness::Alike(id.to_owned());
        let likeness = match self.fits(&Shown::of(post), same_text, changed) {
            Fit::Yes => {
                Likeness::Same(published(id.to_owned(), url, || format!("https://www.facebook.com/{id}")))
            }
            Fit::Maybe => alike(),
            Fit::No => Likeness::Different,
        };
        Ok(Listed { at: Some(at), likeness })
    }

    fn fits(&self, shown: &Shown<'_>, same_text: bool, changed: bool) -> Fit {
        let sent = &self.sent.photos;
        if sent.is_empty() {
            return match (shown.has_media, same_text, changed) {
                (false, true, _) if self.has_card(shown) => Fit::Yes,
                // With another link it may be another post, and media may have been added by hand.
                (_, true, _) | (false, false, true) => Fit::Maybe,
                _ => Fit::No,
            };
        }
        let ours = sent.iter().filter(|photo| shown.photos.contains(&photo.as_str())).count();
        match (ours == sent.len() && shown.photos.len() == sent.len(), same_text) {
            (true, true) => Fit::Yes,
            _ if ours > 0 => Fit::Maybe,
            // Photos that are not told could be ours.
            (_, true) if shown.photos.is_empty() => Fit::Maybe,
            _ => Fit::No,
        }
    }
}

impl Posts<'_> {
    /// Whether a post has the card that ours would have: that of the link which was sent, or one that Facebook made of an address in
    /// the text. One that does not say where it leads has not.
    fn has_card(&self, shown: &Shown<'_>) -> bool {
        match (&self.sent.link, shown.cards.as_slice()) {
            (Some(link), [Some(card)]) => address(card) == address(link),
            (Some(_), _) => false,
            (None, cards) => {
                cards.iter().all(|card| card.is_some_and(|card| is_in(&self.sent.message, card)))
            }
        }
    }
}

enum Fit {
    Yes,
    Maybe,
    No,
}

/// What is attached to a post that is shown.
struct Shown<'a> {
    /// The ids of the photos.
    photos: Vec<&'a str>,
    /// Whether there are photos or a video of the page's own, and not only the card of a link.
    has_media: bool,
    /// Where the cards lead that are there besides.
    cards: Vec<Option<&'a str>>,
}

impl<'a> Shown<'a> {
    fn of(post: &'a Value) -> Self {
        let list = |of: &'a Value| of["data"].as_array().into_iter().flatten();
        let attached: Vec<_> = list(&post["attachments"]).collect();
        let within = attached.iter().flat_map(|one| list(&one["subattachments"]));
        let all: Vec<_> = attached.iter().copied().chain(within).collect();
        let kind = |one: &&Value| one["type"].as_str().unwrap_or_default().to_owned();
        let is_photo = |one: &&Value| kind(one) == "photo";
        let is_video =
            |one: &&Value| matches!(kind(one).as_str(), "video_inline" | "video_autoplay" | "video");
        let is_media = |one: &&Value| is_photo(one) || is_video(one) || kind(one) == "album";
        Self {
            photos: all
                .iter()
                .filter(|one| is_photo(one))
                .filter_map(|one| one["target"]["id"].as_str())
                .collect(),
            has_media: all.iter().any(is_media),
            cards: attached
                .iter()
                .filter(|one| !is_media(one))
                .map(|one| one["unshimmed_url"].as_str())
                .collect(),
        }
    }
}

fn unreadable(what: &str) -> Failure {
    let message = format!("the server answered with {what} that can't be read");
    Failure { status: Some(200), ..Failure::new(ErrorClass::Transient, message) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Client;
    use serde_json::json;
    use uuid::Uuid;

    fn likeness(sent: &Feed, mut post: Value) -> String {
        let client = Client::new().unwrap();
        let server = Graph::new(&client, ("https://a.example", "v1"), None);
        let account = Account {
            id: Uuid::nil(),
            external_id: "7".into(),
            handle: "page".into(),
            base_url: "https://a.example".into(),
            charges: Default::default(),
        };
        post["id"] = json!("7_1");
        post["created_time"] = json!("2026-11-18T11:06:50+0000");
        let listed = Posts { server: &server, account: &account, sent }.listed(&post).unwrap();
        match listed.likeness {
            Likeness::Same(_) => "same".into(),
            Likeness::Alike(id) => id,
            Likeness::Different => "different".into(),
        }
    }

    #[test]
    fn photos_decide_and_otherwise_the_text() {
        let photo = |id: &str| json!({ "type": "photo", "target": { "id": id } });
        let attached = |list: Value| json!({ "data": list });
        let album = |ids: [&str; 2]| {
            attached(
                json!([{ "type": "album", "target": { "id": "99" }, "subattachments": attached(json!(ids.map(photo))) }]),
            )
        };
        let card = |url: Value| attached(json!([{ "type": "share", "unshimmed_url": url }]));
        let late = "2026-11-18T11:09:00+0000";
        let text = Feed { message: "to be found".into(), ..Feed::default() };
        for (post, expected) in [
            (json!({ "message": " to be\nfound" }), "same"),
            // a card that nothing in the text makes, or that leads nobody knows where
            (json!({ "message": "to be found", "attachments": card(json!("https://a.example")) }), "7_1"),
            (json!({ "message": "to be found", "attachments": card(json!(null)) }), "7_1"),
            (json!({ "message": "other" }), "different"),
            (json!({}), "different"),
            // changed, or commented
            (json!({ "message": "other", "updated_time": late }), "7_1"),
            // media that were added by hand
            (json!({ "message": "to be found", "attachments": attached(json!([photo("1")])) }), "7_1"),
            (json!({ "message": "other", "attachments": attached(json!([photo("1")])) }), "different"),
        ] {
            assert_eq!(likeness(&text, post.clone()), expected, "{post}");
        }
        // of two posts with one text, each is known by its link
        let link = Feed { link: Some("https://a.example?x=1&y=2".into()), ..text };
        let with = |attachments: Value| json!({ "message": "to be found", "attachments": attachments });
        for (post, expected) in [
            (with(card(json!("https://A.example/?x=1&y=2"))), "same"),
            (with(card(json!("https://a.example/?x=1&y=3"))), "7_1"),
            (with(card(json!(null))), "7_1"),
            (with(attached(json!([]))), "7_1"),
        ] {
            assert_eq!(likeness(&link, post.clone()), expected, "{post}");
        }
        let spoken = Feed { message: "see a.example/x, too".into(), ..Feed::default() };
        let post =
            json!({ "message": "see a.example/x, too", "attachments": card(json!("http://a.example/x")) });
        assert_eq!(likeness(&spoken, post), "same");
        let photos = Feed { message: "hi".into(), photos: vec!["1".into(), "2".into()], ..Feed::default() };
        for (post, expected) in [
            (json!({ "message": "hi", "attachments": album(["2", "1"]) }), "same"),
            (json!({ "message": "changed", "attachments": album(["2", "1"]) }), "7_1"),
            (json!({ "message": "hi", "attachments": album(["2", "3"]) }), "7_1"),
            (json!({ "message": "hi", "attachments": album(["3", "4"]) }), "different"),
            (json!({ "message": "hi" }), "7_1"),
            (json!({ "message": "other" }), "different"),
        ] {
            assert_eq!(likeness(&photos, post.clone()), expected, "{post}");
        }
    }
}
