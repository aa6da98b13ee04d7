//! Posts and comments: written once, sent, and found again among the account's own.

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::api::{Api, read};
use super::prepare;
use crate::providers::answer::{Phase, there, time};
use crate::providers::markdown::with_images;
use crate::providers::own_posts::{Likeness, Listed, OwnPosts, Page};
use crate::providers::window::answered_at;
use crate::providers::{Failure, Frozen, Post, Published};

/// How many posts and comments a page has: each comes with its community and its author.
const PAGE: usize = 10;
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
        let same_body = words(shown.body.as_deref().unwrap_or_default())
            == words(self.body.as_deref().unwrap_or_default());
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
    /// Words and place make a comment ours.
    fn compare(&self, shown: ShownComment) -> Result<Listed, Failure> {
        let at = time(&shown.published);
        let content = shown.content.as_str().ok_or_else(unreadable)?;
        // `0`, the comments above it, and itself
        let above = shown.path.rsplit('.').nth(1).and_then(|id| id.parse::<u64>().ok()).filter(|id| *id > 0);
        let same_place = shown.post_id == self.post_id && above == self.parent_id;
        let likeness = match (same_place, words(content) == words(&self.content)) {
            (true, true) => Likeness::Same(comment_there(shown)?),
            _ => Likeness::Different,
        };
        Ok(Listed { at, likeness })
    }
}

fn unreadable() -> Failure {
    Failure::new(ErrorClass::Transient, "the list has a post without its text")
}

/// The words of a text without the addresses of its images: servers may put their own in the place of them.
fn words(text: &str) -> Vec<String> {
    let mut rest = text;
    let mut kept = String::new();
    while let Some((before, image)) = rest.split_once("](") {
        kept.push_str(before);
        kept.push(']');
        rest = match (before.rfind("!["), image.split_once(')')) {
            (Some(_), Some((_, after))) => after,
            _ => {
                kept.push('(');
                image
            }
        };
    }
    kept.push_str(rest);
    kept.split_whitespace().map(str::to_owned).collect()
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

    async fn page(&self, next: Option<usize>) -> Result<Page<usize>, Failure> {
        let page = next.unwrap_or(1);
        let path = format!("user?person_id={}&sort=New&limit={PAGE}&page={page}", self.account);
        let answer = self.server.get(&path).await;
        let answered_at = answered_at(&answer);
        let own: Own = read(Phase::Read, answer)?;
        if own.person_view.person.id.to_string() != self.account {
            return Err(Failure::new(ErrorClass::Transient, "the list is that of another account"));
        }
        let (length, listed) = self.sent.compare(own)?;
        Ok(Page { listed, answered_at, next: (length >= PAGE).then_some(page + 1) })
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
    fn what_servers_change_makes_no_difference() {
        let sent = "see [this](https://a.example/x)  \n![a desk](https://a.example/a.png) end";
        let shown =
            "see [this](https://a.example/x)\n![a desk](https://lemmy.example/api/v3/image_proxy?url=x) end";
        assert_eq!(words(sent), words(shown));
        assert_ne!(words(sent), words(&shown.replace("/x)", "/y)")));
        assert_ne!(words("![a](b"), words("![a](c"));
    }

    #[test]
    fn a_comment_is_told_by_its_place() {
        let sent = NewComment { content: "Aha".into(), post_id: 9, parent_id: Some(5) };
        let is_same = |post: u64, path: &str, content: &str| {
            let shown = json!({"id": 6, "ap_id": "https://a.example/comment/6", "content": content, "post_id": post,
                               "path": path, "published": "2026-11-18T11:06:45Z"});
            matches!(
                sent.compare(serde_json::from_value(shown).unwrap()).unwrap().likeness,
                Likeness::Same(_)
            )
        };
        assert!(is_same(9, "0.5.6", "Aha\n"));
        assert!(!is_same(9, "0.6", "Aha") && !is_same(8, "0.5.6", "Aha") && !is_same(9, "0.5.6", "Oho"));
    }
}
