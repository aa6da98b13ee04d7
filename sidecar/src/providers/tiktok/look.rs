//! Finds out what became of a post. The task of a video tells. Of photos only the account's list of posts can, which shows what
//! everybody sees, and not at once: it can show that they are there, and never that they are not.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::tiktok::is_post;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::Api;
use super::classify::read;
use super::publish::{Request, What};
use super::status::{Status, Task, Waits};
use crate::providers::answer::{Phase, since_1970};
use crate::providers::own_posts::{self, Likeness, Listed, OwnPosts, Page};
use crate::providers::window::answered_at;
use crate::providers::{Account, Failure, Found, Published, Sought};

/// How long a post may take to come into the list.
const LISTED: Duration = Duration::from_secs(10 * 60);
/// The most that a page holds.
const PAGE: usize = 20;
/// What is asked for of each post.
const FIELDS: &str = "id,create_time,title,video_description";
/// TikTok may cut a text that is shown: at 150, say its documents.
const MAY_BE_CUT: usize = 100;

/// Looks.
pub(super) async fn look(
    api: &Api<'_>,
    waits: Waits,
    account: &Account,
    sought: Sought<'_>,
) -> Result<Found, Failure> {
    let request = Request::of(sought.frozen)?;
    let What::Video { publish_id, total, .. } = &request.sent else {
        return in_the_list(api, account, &request, sought).await;
    };
    let (total, is_public) = (Some(*total), request.is_public);
    let task = Task { api, waits, account, publish_id, total, is_public };
    let status = task.settled(waits.look).await?;
    Ok(match status {
        Status::Complete(post) => Found::Same(task.published(post).await),
        Status::InInbox => Found::Same(task.stand_in()),
        Status::Failed(_) => Found::Absent,
        // Without its last chunk it is nothing, and TikTok says how much it has.
        Status::Uploading(Some(_)) if !task.is_processed(&status) => Found::Absent,
        Status::Uploading(_) | Status::Downloading => Found::Pending,
        Status::Gone => return in_the_list(api, account, &request, sought).await,
    })
}

/// What the list shows. That it shows nothing proves nothing.
async fn in_the_list(
    api: &Api<'_>,
    account: &Account,
    request: &Request,
    sought: Sought<'_>,
) -> Result<Found, Failure> {
    if !request.is_public {
        let why = "TikTok lists only what everybody sees: whether the post is there, only its owner can see";
        return Err(Failure::unknowable(why));
    }
    match own_posts::search(&Posts { api, account, request }, sought).await {
        Ok(Found::Absent) if sought.drafted.is_some_and(|drafted| drafted.elapsed() < LISTED) => {
            Ok(Found::Pending)
        }
        Ok(Found::Absent) => {
            let why = "TikTok's list has no such post, which may be one that it has not approved yet: whether it \
                       is there, only its owner can see";
            Err(Failure::unknowable(why))
        }
        Err(failure) if failure.class == ErrorClass::Permission => {
            let why = "without the scope video.list TikTok shows nothing of what was sent: whether the post is \
                       there, only its owner can see";
            Err(Failure::unknowable(why))
        }
        found => found,
    }
}

/// The posts of the account that everybody sees, newest first.
struct Posts<'a> {
    api: &'a Api<'a>,
    account: &'a Account,
    request: &'a Request,
}

#[derive(Deserialize)]
struct Told {
    videos: Vec<Shown>,
    #[serde(default)]
    cursor: Value,
    #[serde(default)]
    has_more: bool,
}

#[derive(Deserialize)]
struct Shown {
    id: String,
    #[serde(default)]
    create_time: Value,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    video_description: Option<String>,
}

#[async_trait]
impl OwnPosts for Posts<'_> {
    type Cursor = u64;

    async fn page(&self, next: Option<u64>) -> Result<Page<u64>, Failure> {
        let mut body = json!({ "max_count": PAGE });
        if let Some(cursor) = next {
            body["cursor"] = json!(cursor);
        }
        let answer = self.api.post("video/list", &[("fields", FIELDS)], &body).await;
        let answered_at = answered_at(&answer);
        let told: Told = read(Phase::Read, answer)?;
        let listed = told.videos.iter().map(|shown| self.listed(shown)).collect::<Result<_, _>>()?;
        let unreadable = || Failure::new(ErrorClass::Transient, "the list names no next page");
        let next = match told.has_more {
            true => Some(told.cursor.as_u64().ok_or_else(unreadable)?),
            false => None,
        };
        Ok(Page { listed, answered_at, next })
    }
}

impl Posts<'_> {
    fn listed(&self, shown: &Shown) -> Result<Listed, Failure> {
        if !is_post(&shown.id) {
            return Err(Failure::new(ErrorClass::Transient, "the list has a post without an id"));
        }
        let at: Option<SystemTime> = shown.create_time.as_u64().map(since_1970);
        let likeness = match (alike(shown, self.request), at) {
            (Alike::Same, Some(_)) => Likeness::Same(self.published(shown)),
            (Alike::Same | Alike::Perhaps, _) => Likeness::Alike(shown.id.clone()),
            (Alike::No, _) => Likeness::Different,
        };
        Ok(Listed { at, likeness })
    }

    fn published(&self, shown: &Shown) -> Published {
        let kind = if matches!(self.request.sent, What::Video { .. }) { "video" } else { "photo" };
        let url = format!("https://www.tiktok.com/@{}/{kind}/{}", self.account.handle, shown.id);
        Published { external_id: shown.id.clone(), url, cid: None }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alike {
    Same,
    /// It could be.
    Perhaps,
    No,
}

/// How the words of a post compare with those that were sent. Photos show title and description, one behind the other or each
/// on its own.
fn alike(shown: &Shown, sent: &Request) -> Alike {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    let (title, text) = (words(&sent.title), words(&sent.text));
    let both = words(&format!("{title} {text}"));
    let described = words(shown.video_description.as_deref().unwrap_or_default());
    let titled = words(shown.title.as_deref().unwrap_or_default());
    if both.is_empty() {
        // a picture without a word could be anybody's
        return if described.is_empty() && titled.is_empty() { Alike::Perhaps } else { Alike::No };
    }
    let is_all = described == both || titled == title && described == text;
    let is_some = [&described, &titled].into_iter().any(|shown| {
        let is_cut = shown.encode_utf16().count() >= MAY_BE_CUT;
        let begins = |whole: &String| is_cut && whole.starts_with(shown.as_str());
        !shown.is_empty() && ([&text, &title, &both].contains(&shown) || begins(&text) || begins(&both))
    });
    match (is_all, is_some) {
        (true, _) => Alike::Same,
        (_, true) => Alike::Perhaps,
        _ => Alike::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(title: &str, text: &str, shown: Value) -> Alike {
        let sent = What::Photos { body: String::new() };
        let request = Request { sent, text: text.into(), title: title.into(), is_public: true };
        let mut whole = json!({ "id": "7" });
        for (name, value) in shown.as_object().unwrap() {
            whole[name] = value.clone();
        }
        alike(&serde_json::from_value(whole).unwrap(), &request)
    }

    #[test]
    fn words_make_a_post_ours() {
        for shown in [
            json!({ "title": "A title", "video_description": "and  a\ntext" }),
            json!({ "title": "", "video_description": "A title and a text" }),
        ] {
            assert_eq!(compared("A title", "and a text", shown.clone()), Alike::Same, "{shown}");
        }
        let video = json!({ "title": "a text", "video_description": "a text" });
        assert_eq!(compared("", "a text", video), Alike::Same);
        for shown in
            [json!({ "title": "A title", "video_description": "other" }), json!({ "title": "and a text" })]
        {
            assert_eq!(compared("A title", "and a text", shown.clone()), Alike::Perhaps, "{shown}");
        }
        for shown in [json!({}), json!({ "title": "A", "video_description": "and a" })] {
            assert_eq!(compared("A title", "and a text", shown.clone()), Alike::No, "{shown}");
        }
    }

    #[test]
    fn a_text_that_may_be_cut_could_be_ours() {
        let long = "word ".repeat(60);
        let cut = &long[..149];
        assert_eq!(compared("", &long, json!({ "video_description": cut })), Alike::Perhaps);
        assert_eq!(compared("", &long, json!({ "video_description": &long[..50] })), Alike::No);
        assert_eq!(compared("", &long, json!({ "video_description": format!("x{cut}") })), Alike::No);
    }

    #[test]
    fn photos_without_a_word_could_be_anybodys() {
        assert_eq!(compared("", "", json!({ "title": "", "video_description": null })), Alike::Perhaps);
        assert_eq!(compared("", "", json!({ "title": "x" })), Alike::No);
    }
}
