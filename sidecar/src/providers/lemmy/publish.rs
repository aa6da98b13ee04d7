//! Posts and comments: written once, sent, and found again among the account's own.

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::api::{Api, read};
use super::place::{self, Kind};
use super::prepare;
use super::session::Me;
use super::words::Words;
use crate::providers::answer::{Phase, there, time};
use crate::providers::markdown::with_images;
use crate::providers::own_posts::{Likeness, Listed, OwnPosts, Page};
use crate::providers::window::answered_at;
use crate::providers::{Failure, Frozen, Post, Published};

/// How many posts and comments a page has: each comes with its community and its author.
const PAGE: usize = 10;
/// How many of them are read at most.
const MAX_PAGES: usize = 25;
/// How many pages of pinned posts are read at most, which stand before all others.
const MAX_PINNED_PAGES: usize = 5;
/// What stands before the id of a comment: comments and posts are numbered apart.
const COMMENT: &str = "comment-";

/// What is sent.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Request {
    Post(NewPost),
    Comment(NewComment),
}

/// The body of a post.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NewPost {
    name: String,
    community_id: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alt_text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nsfw: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language_id: Option<u64>,
}

/// The body of a comment.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NewComment {
    content: String,
    post_id: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent_id: Option<u64>,
}

/// Writes it down.
pub(super) fn draft(post: &Post, prepared: &Value, key: String) -> Result<Frozen, Failure> {
    let prepared = prepare::parse(prepared);
    let unready = || Failure::new(ErrorClass::Transient, "where the post belongs is not known yet");
    let request = if post.reply_to.is_some() {
        let parent = prepared.parent.ok_or_else(unready)?;
        Request::Comment(NewComment {
            content: post.content.clone(),
            post_id: parent.post,
            parent_id: parent.comment,
        })
    } else {
        let community_id = prepared.community.ok_or_else(unready)?;
        let settings = prepare::settings(post)?;
        let mut media = post.attachments()?.into_iter();
        // without another link, the first image is what the post links to
        let first = if settings.url.is_none() { media.next() } else { None };
        let body = with_images(&post.content, media);
        Request::Post(NewPost {
            name: settings.title.trim().to_owned(),
            community_id,
            alt_text: first.as_ref().map(|image| image.alt.clone()).filter(|alt| !alt.is_empty()),
            url: settings.url.or(first.map(|image| image.url)),
            body: Some(body).filter(|body| !body.trim().is_empty()),
            nsfw: settings.nsfw.then_some(true),
            language_id: prepared.language,
        })
    };
    Ok(Frozen { key, request: json_of(&request)? })
}

fn json_of(what: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(what)
        .map_err(|_| Failure::new(ErrorClass::ContentInvalid, "the post can't be written as JSON"))
}

#[derive(Deserialize)]
struct PostMade {
    post_view: PostView,
}

#[derive(Deserialize)]
struct PostView {
    post: ShownPost,
}

/// A post as servers show it.
#[derive(Deserialize)]
struct ShownPost {
    id: u64,
    ap_id: String,
    #[serde(default)]
    name: Value,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    community_id: u64,
    #[serde(default)]
    published: String,
    #[serde(default)]
    featured_local: bool,
}

#[derive(Deserialize)]
struct CommentMade {
    comment_view: CommentView,
}

#[derive(Deserialize)]
struct CommentView {
    comment: ShownComment,
}

/// A comment as servers show it.
#[derive(Deserialize)]
struct ShownComment {
    id: u64,
    ap_id: String,
    #[serde(default)]
    content: Value,
    #[serde(default)]
    post_id: u64,
    #[serde(default)]
    path: String,
    #[serde(default)]
    published: String,
}

/// The account's own, as one list of each.
#[derive(Deserialize)]
struct Own {
    person_view: PersonView,
    posts: Vec<PostView>,
    comments: Vec<CommentView>,
}

#[derive(Deserialize)]
struct PersonView {
    person: Person,
}

#[derive(Deserialize)]
struct Person {
    id: u64,
}

impl Request {
    /// What was written down.
    pub(super) fn of(frozen: &Frozen) -> Result<Self, Failure> {
        serde_json::from_str(&frozen.request)
            .map_err(|_| Failure::new(ErrorClass::Config, "the stored request is not a post of this version"))
    }

    /// Sends it.
    pub(super) async fn send(&self, server: &Api<'_>) -> Result<Published, Failure> {
        match self {
            Self::Post(post) => {
                let PostMade { post_view } = read(Phase::Commit, server.post("post", json_of(post)?).await)?;
                there(post_view.post.id.to_string(), post_view.post.ap_id)
            }
            Self::Comment(comment) => {
                let answer = server.post("comment", json_of(comment)?).await;
                let CommentMade { comment_view } = read(Phase::Commit, answer)?;
                comment_there(comment_view.comment)
            }
        }
    }

    /// Fails where the account would not see it in its list: then that it isn't there proves nothing. That concerns this one only,
    /// not the account's login, and whoever unblocks what is blocked has it settled.
    pub(super) async fn would_be_seen_by(&self, me: &Me, server: &Api<'_>) -> Result<(), Failure> {
        let (community, kind) = match self {
            Self::Post(post) => (post.community_id, Kind::Post),
            Self::Comment(comment) => {
                (place::of_post(server, Phase::Read, comment.post_id).await?, Kind::Comment)
            }
        };
        let seen = place::seen_by(me, server, Phase::Read, &format!("id={community}"), kind).await;
        seen.map(drop).map_err(|failure| match failure.class {
            ErrorClass::Permission => Failure { class: ErrorClass::Transient, ..failure },
            _ => failure,
        })
    }

    /// How what is listed compares with what was sent: of each, what can be it.
    fn compare(&self, own: Own) -> Result<(usize, Vec<Listed>), Failure> {
        let (length, listed) = match self {
            Self::Post(sent) => {
                let listed: Vec<_> = own.posts.into_iter().map(|view| sent.compare(view.post)).collect();
                (listed.len(), listed)
            }
            Self::Comment(sent) => {
                let listed: Vec<_> =
                    own.comments.into_iter().map(|view| sent.compare(view.comment)).collect();
                (listed.len(), listed)
            }
        };
        Ok((length, listed.into_iter().collect::<Result<_, _>>()?))
    }
}

impl NewPost {
    /// Community, title and text make a post ours. Of text and title one alone could be ours, changed since.
    fn compare(&self, shown: ShownPost) -> Result<Listed, Failure> {
        let at = time(&shown.published);
        let name = shown.name.as_str().ok_or_else(unreadable)?;
        let same_name = name.trim() == self.name;
        let sent = Words::of(self.body.as_deref().unwrap_or_default());
        let same_body = sent.can_become(&Words::of(shown.body.as_deref().unwrap_or_default()));
        let likeness = match (shown.community_id == self.community_id, same_name, same_body) {
            (true, true, true) => Likeness::Same(there(shown.id.to_string(), shown.ap_id)?),
            (true, true, false) => Likeness::Alike(shown.id.to_string()),
            (true, false, true) if self.body.is_some() => Likeness::Alike(shown.id.to_string()),
            _ => Likeness::Different,
        };
        Ok(Listed { at, likeness })
    }
}

impl NewComment {
    /// Words and place make a comment ours. Other words there could be ours too: changed since, or by the server, which takes out
    /// what nobody should say, or empty, because it was deleted.
    fn compare(&self, shown: ShownComment) -> Result<Listed, Failure> {
        let at = time(&shown.published);
        let content = shown.content.as_str().ok_or_else(unreadable)?;
        // `0`, the comments above it, and itself
        let above = shown.path.rsplit('.').nth(1).and_then(|id| id.parse::<u64>().ok()).filter(|id| *id > 0);
        let same_place = shown.post_id == self.post_id && above == self.parent_id;
        let likeness = match (same_place, Words::of(&self.content).can_become(&Words::of(content))) {
            (true, true) => Likeness::Same(comment_there(shown)?),
            (true, false) => Likeness::Alike(format!("{COMMENT}{}", shown.id)),
            (false, _) => Likeness::Different,
        };
        Ok(Listed { at, likeness })
    }
}

fn unreadable() -> Failure {
    Failure::new(ErrorClass::Transient, "the list has a post without its text")
}

fn comment_there(shown: ShownComment) -> Result<Published, Failure> {
    there(format!("{COMMENT}{}", shown.id), shown.ap_id)
}

/// The account's own posts and comments, newest first.
pub(super) struct Mine<'a> {
    pub(super) server: Api<'a>,
    pub(super) account: &'a str,
    pub(super) sent: &'a Request,
}

#[async_trait]
impl OwnPosts for Mine<'_> {
    type Cursor = usize;

    fn max_pages(&self) -> usize {
        MAX_PAGES
    }

    /// Posts that are pinned come first, whatever their age. Pages of which every post is pinned are one with the first that has
    /// another: its last one tells how old the list is by then.
    async fn page(&self, next: Option<usize>) -> Result<Page<usize>, Failure> {
        let (first, mut all) = (next.unwrap_or(1), Vec::new());
        for page in first..first + MAX_PINNED_PAGES {
            let path = format!("user?person_id={}&sort=New&limit={PAGE}&page={page}", self.account);
            let answer = self.server.get_list(&path).await;
            let answered_at = answered_at(&answer);
            let own: Own = read(Phase::Read, answer)?;
            if own.person_view.person.id.to_string() != self.account {
                return Err(Failure::new(ErrorClass::Transient, "the list is that of another account"));
            }
            let are_pinned = matches!(self.sent, Request::Post(_))
                && own.posts.iter().all(|view| view.post.featured_local);
            let (length, listed) = self.sent.compare(own)?;
            all.extend(listed);
            let is_last = length < PAGE;
            if is_last || !are_pinned {
                return Ok(Page { listed: all, answered_at, next: (!is_last).then_some(page + 1) });
            }
        }
        Err(Failure::new(ErrorClass::Transient, "the account has more pinned posts than are looked through"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_image_is_the_link_or_stands_behind_the_text() {
        let prepared = json!({"community": 7, "language": 37});
        let of = |settings: Value| {
            let media = json!([{"url": "https://a.example/a.png", "alt": "a desk"},
                               {"url": "https://a.example/b(1).png", "alt": "[b]\n"}]);
            let post = Post { content: "Hi".into(), media, settings, attempt: 1, reply_to: None };
            draft(&post, &prepared, "k".into()).unwrap().request
        };
        assert_eq!(
            of(json!({"title": " A title ", "community": "rust", "nsfw": true})),
            r#"{"post":{"name":"A title","community_id":7,"url":"https://a.example/a.png","body":"Hi\n\n![\\[b\\] ](https://a.example/b%281%29.png)","alt_text":"a desk","nsfw":true,"language_id":37}}"#
        );
        let linked = of(json!({"title": "A title", "community_id": 7, "url": "https://b.example"}));
        assert!(
            linked.contains(
                r#""url":"https://b.example","body":"Hi\n\n![a desk](https://a.example/a.png)\n\n![\\[b\\] "#
            ),
            "{linked}"
        );
    }

    #[test]
    fn a_comment_is_told_by_its_place() {
        let sent = NewComment { content: "Aha".into(), post_id: 9, parent_id: Some(5) };
        let likeness = |post: u64, path: &str, content: &str| {
            let shown = json!({"id": 6, "ap_id": "https://a.example/comment/6", "content": content, "post_id": post,
                               "path": path, "published": "2026-11-18T11:06:45Z"});
            sent.compare(serde_json::from_value(shown).unwrap()).unwrap().likeness
        };
        assert!(matches!(likeness(9, "0.5.6", "Aha\n"), Likeness::Same(_)));
        for changed in ["Oho", "*removed*", ""] {
            assert_eq!(likeness(9, "0.5.6", changed), Likeness::Alike("comment-6".into()), "{changed}");
        }
        assert_eq!(
            [likeness(9, "0.6", "Aha"), likeness(8, "0.5.6", "Aha")],
            [Likeness::Different, Likeness::Different]
        );
    }
}
