//! Looks among the account's own posts or comments for one that was sent.

use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use serde::Deserialize;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;
use url::Url;

use super::api::{Api, is_name};
use super::classify::read;
use super::publish::{Of, Sent, Wanted, comment_there, there};
use crate::providers::answer::Phase;
use crate::providers::own_posts::{self, Likeness, Listed, OwnPosts, Page};
use crate::providers::window::answered_at;
use crate::providers::{Account, Failure, Found, Frozen, Sought};

/// The most that a page holds.
const PAGE: &str = "100";
/// Where media are shown: the first part of the path is the id of the upload.
const SHOWN_AT: [&str; 2] = ["i.redd.it", "v.redd.it"];

/// A list as Reddit writes it.
#[derive(Deserialize)]
pub(super) struct Listing<T> {
    kind: Is,
    data: Children<T>,
}

#[derive(Deserialize, PartialEq, Eq)]
enum Is {
    Listing,
}

#[derive(Deserialize)]
struct Children<T> {
    children: Vec<Child<T>>,
    #[serde(default)]
    after: Option<String>,
}

#[derive(Deserialize)]
struct Child<T> {
    data: T,
}

impl<T> Listing<T> {
    /// What is on it.
    pub(super) fn things(self) -> Vec<T> {
        let Self { kind: Is::Listing, data } = self;
        data.children.into_iter().map(|child| child.data).collect()
    }
}

/// A post or a comment, as far as the one or the other has it.
#[derive(Debug, Deserialize)]
struct Shown {
    name: String,
    #[serde(default)]
    created_utc: Value,
    #[serde(default)]
    subreddit: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    selftext: String,
    #[serde(default)]
    is_self: bool,
    #[serde(default)]
    is_gallery: bool,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    url_overridden_by_dest: Option<String>,
    #[serde(default)]
    media_metadata: Value,
    #[serde(default)]
    link_id: String,
    #[serde(default)]
    parent_id: String,
    #[serde(default)]
    body: String,
}

/// What an account has posted or commented.
pub(super) struct Own<'a> {
    api: &'a Api<'a>,
    path: String,
    wanted: Wanted,
}

impl<'a> Own<'a> {
    /// Where what was written down would be.
    pub(super) fn new(api: &'a Api<'a>, account: &Account, frozen: &Frozen) -> Result<Self, Failure> {
        let wanted = Sent::of(frozen)?.wanted()?;
        let list = if matches!(wanted, Wanted::Comment { .. }) { "comments" } else { "submitted" };
        let odd = || Failure::new(ErrorClass::Config, "the account has no name that Reddit could have given");
        let name = Some(account.handle.as_str()).filter(|name| is_name(name)).ok_or_else(odd)?;
        Ok(Self { api, path: format!("user/{name}/{list}"), wanted })
    }

    /// Looks for it.
    pub(super) async fn search(&self, sought: Sought<'_>) -> Result<Found, Failure> {
        own_posts::search(self, sought).await
    }

    fn listed(&self, shown: &Shown) -> Result<Listed, Failure> {
        let at = shown.created_utc.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let likeness = match &self.wanted {
            Wanted::Post { subreddit, title, text, of } => post(shown, (subreddit, title, text), of),
            Wanted::Comment { on, text } => comment(shown, on, text),
        };
        let unreadable = || Failure::new(ErrorClass::Transient, "the list has something that can't be read");
        Ok(Listed {
            at: at.and_then(|at| UNIX_EPOCH.checked_add(at)),
            likeness: likeness.ok_or_else(unreadable)?,
        })
    }
}

#[async_trait]
impl OwnPosts for Own<'_> {
    type Cursor = String;

    /// What an account has pinned to its page may stand before what is newer.
    fn is_in_order(&self) -> bool {
        false
    }

    async fn page(&self, next: Option<String>) -> Result<Page<String>, Failure> {
        // without `show` it leaves out what the account has hidden from itself
        let mut params = vec![("sort", "new"), ("limit", PAGE), ("show", "all")];
        params.extend(next.as_deref().map(|after| ("after", after)));
        let answer = self.api.get(&self.path, &params).await;
        let answered_at = answered_at(&answer);
        let mut told: Listing<Shown> = read(Phase::Read, answer)?;
        let next = told.data.after.take().filter(|after| !after.is_empty());
        let listed = told.things().iter().map(|shown| self.listed(shown)).collect::<Result<_, _>>()?;
        Ok(Page { listed, answered_at, next })
    }
}

/// How a post compares with what was sent; nothing where it has no name. Nobody can change a title, a link or an image later, but the
/// text; and a moderator takes the text away.
fn post(shown: &Shown, (subreddit, title, text): (&str, &str, &str), of: &Of) -> Option<Likeness> {
    // named as it was asked for: the two can differ in case
    let there = there(&shown.name, subreddit)?;
    if let Of::Media(assets) = of
        && let Some(uploads) = uploads(shown)
    {
        // each upload is of one post
        let is_ours = uploads.iter().any(|upload| assets.contains(upload));
        return Some(if is_ours { Likeness::Same(there) } else { Likeness::Different });
    }
    let is_there = shown.subreddit.eq_ignore_ascii_case(subreddit) && words(&shown.title) == words(title);
    let is_text = words(&shown.selftext) == words(text);
    Some(match of {
        _ if !is_there => Likeness::Different,
        Of::Nothing if !shown.is_self => Likeness::Different,
        Of::Nothing if is_text => Likeness::Same(there),
        Of::Link(_) | Of::Media(_) if shown.is_self => Likeness::Different,
        Of::Link(link) if is_text && shown.url.as_deref().map(address) == Some(address(link)) => {
            Likeness::Same(there)
        }
        _ => Likeness::Alike(there.external_id),
    })
}

/// The ids of the uploads that a post shows, where it shows any.
fn uploads(shown: &Shown) -> Option<Vec<String>> {
    if shown.is_gallery {
        let items = shown.media_metadata.as_object()?;
        return Some(items.keys().cloned().collect());
    }
    let url = shown.url_overridden_by_dest.as_deref().or(shown.url.as_deref())?;
    let url = Url::parse(url).ok().filter(|url| SHOWN_AT.contains(&url.host_str().unwrap_or_default()))?;
    let file = url.path_segments()?.next()?;
    Some(vec![file.split('.').next().unwrap_or_default().to_owned()])
}

fn comment(shown: &Shown, on: &str, text: &str) -> Option<Likeness> {
    let there = comment_there(&shown.name, &shown.link_id)?;
    let is_ours = shown.parent_id == on && words(&shown.body) == words(text);
    Some(if is_ours { Likeness::Same(there) } else { Likeness::Different })
}

/// The words of a text: the spaces between them may be others, and letters and marks composed.
fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(|word| word.nfc().collect()).collect()
}

/// Where a link leads, however it is written.
fn address(link: &str) -> String {
    Url::parse(link).map_or_else(|_| link.to_owned(), |url| url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(changes: Value) -> Shown {
        let mut post = json!({
            "name": "t3_1abcde", "subreddit": "Rust", "title": "A title", "selftext": "Gr\u{fc}n  &\nso", "is_self": true,
            "url": "https://www.reddit.com/r/rust/comments/1abcde/a_title/", "created_utc": 1_795_000_000.0,
            "removed_by_category": null, "author": "alice", "over_18": false,
        });
        for (name, value) in changes.as_object().into_iter().flatten() {
            post[name] = value.clone();
        }
        serde_json::from_value(post).unwrap()
    }

    fn compared(of: &Of, changes: Value) -> Likeness {
        post(&shown(changes), ("rust", "A title", "Gru\u{308}n & so"), of).unwrap()
    }

    fn alike() -> Likeness {
        Likeness::Alike("t3_1abcde".into())
    }

    #[test]
    fn a_text_is_told_by_its_place_its_title_and_its_words() {
        let is = |changes| compared(&Of::Nothing, changes);
        assert_eq!(is(json!({})), Likeness::Same(there("t3_1abcde", "rust").unwrap()));
        for other in [json!({"subreddit": "rustlang"}), json!({"title": "B"}), json!({"is_self": false})] {
            assert_eq!(is(other.clone()), Likeness::Different, "{other}");
        }
        // changed since, or taken away by a moderator
        for other in ["Blue", "", "[removed]"] {
            assert_eq!(is(json!({"selftext": other})), alike(), "{other}");
        }
    }

    #[test]
    fn a_link_is_told_by_where_it_leads_too() {
        let of = Of::Link("https://a.example?x=1&y=2".into());
        let link = |url: &str| json!({"is_self": false, "url": url});
        assert!(matches!(compared(&of, link("https://a.example/?x=1&y=2")), Likeness::Same(_)));
        assert_eq!(compared(&of, link("https://a.example/?x=1")), alike());
        assert_eq!(compared(&of, json!({})), Likeness::Different);
    }

    #[test]
    fn media_are_told_by_their_uploads_alone() {
        let of = Of::Media(vec!["8xjguc40cnrb1".into()]);
        let media = |url: &str| json!({"is_self": false, "url": url});
        for ours in ["https://i.redd.it/8xjguc40cnrb1.png", "https://v.redd.it/8xjguc40cnrb1"] {
            let mut changed = media(ours);
            changed["selftext"] = json!("[removed]");
            assert!(matches!(compared(&of, changed), Likeness::Same(_)), "{ours}");
        }
        for other in
            ["https://i.redd.it/7z48j742cnrb1.gif", "https://v.redd.it/8xjguc40cnrb", "https://i.redd.it/"]
        {
            assert_eq!(compared(&of, media(other)), Likeness::Different, "{other}");
        }
        // one that is not shown as media yet
        assert_eq!(compared(&of, media("https://www.reddit.com/r/rust/comments/1abcde/a_title/")), alike());
        assert_eq!(compared(&of, json!({"is_self": false, "url": null})), alike());
        assert_eq!(compared(&of, media("https://evil.example/8xjguc40cnrb1.png")), alike());
    }

    #[test]
    fn a_gallery_is_told_by_any_of_its_images() {
        let of = Of::Media(vec!["one".into(), "two".into()]);
        let gallery = |items: Value| json!({"is_self": false, "is_gallery": true, "media_metadata": items});
        assert!(matches!(compared(&of, gallery(json!({"two": {"status": "valid"}}))), Likeness::Same(_)));
        assert_eq!(compared(&of, gallery(json!({"three": {}}))), Likeness::Different);
        assert_eq!(compared(&of, gallery(Value::Null)), alike());
    }

    #[test]
    fn a_comment_is_told_by_what_it_answers_and_its_words() {
        let is = |changes: Value| {
            let mut shown =
                json!({"name": "t1_k2", "link_id": "t3_1a", "parent_id": "t1_k1", "body": "Aha\n so"});
            for (name, value) in changes.as_object().into_iter().flatten() {
                shown[name] = value.clone();
            }
            comment(&serde_json::from_value(shown).unwrap(), "t1_k1", "Aha so")
        };
        let there = comment_there("t1_k2", "t3_1a").unwrap();
        assert_eq!(there.url, "https://www.reddit.com/comments/1a/_/k2/");
        assert_eq!(is(json!({})), Some(Likeness::Same(there)));
        assert_eq!(is(json!({"parent_id": "t3_1a"})), Some(Likeness::Different));
        assert_eq!(is(json!({"body": "Oho"})), Some(Likeness::Different));
        assert_eq!(is(json!({"name": "t1_../k"})), None);
    }

    #[test]
    fn a_list_is_read_as_a_whole_or_not_at_all() {
        let list = |kind: &str, children: Value| json!({"kind": kind, "data": {"children": children, "after": null}});
        let read = |list: Value| serde_json::from_value::<Listing<Shown>>(list);
        assert!(read(list("Listing", json!([]))).is_ok());
        for odd in [
            json!({}),
            json!({"kind": "Listing"}),
            json!({"kind": "Listing", "data": {}}),
            list("t3", json!([])),
            list("Listing", json!([{}])),
            list("Listing", json!([{"data": {"name": 7}}])),
            list("Listing", json!([{"data": {"name": "t3_1", "title": []}}])),
        ] {
            assert!(read(odd.clone()).is_err(), "{odd}");
        }
        assert!(post(&shown(json!({"name": "t3_../x"})), ("rust", "", ""), &Of::Nothing).is_none());
    }
}
