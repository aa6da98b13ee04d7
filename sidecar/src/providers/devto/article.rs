//! The article: written once, sent, and found again among the account's own.

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::devto;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ARTICLES, Api, read};
use crate::providers::answer::{self, Phase, time};
use crate::providers::markdown::with_images;
use crate::providers::own_posts::{Likeness, Listed, OwnPosts, Page};
use crate::providers::window::answered_at;
use crate::providers::{Failure, Frozen, Post, Published};

/// How many articles a page has: their texts come too.
const PAGE: usize = 10;

/// What is sent.
#[derive(Debug, Serialize, Deserialize)]
struct Body {
    article: Article,
}

/// An article as it is sent. Read back, it tells a look what that was.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Article {
    title: String,
    body_markdown: String,
    published: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    canonical_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    main_image: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    series: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    organization_id: Option<u32>,
}

/// Writes the article down.
pub(super) fn draft(post: &Post, key: String) -> Result<Frozen, Failure> {
    let wrong = |why| Failure::new(ErrorClass::ContentInvalid, format!("the settings for devto {why}"));
    let settings = devto::settings(&post.settings).map_err(wrong)?;
    let body_markdown = with_images(&post.content, post.attachments()?);
    let article = Article {
        title: settings.title,
        body_markdown,
        published: true,
        tags: settings.tags,
        canonical_url: settings.canonical_url,
        main_image: settings.main_image,
        description: settings.description,
        series: settings.series,
        organization_id: settings.organization_id,
    };
    let request = serde_json::to_string(&Body { article })
        .map_err(|_| Failure::new(ErrorClass::ContentInvalid, "the article can't be written as JSON"))?;
    Ok(Frozen { key, request })
}

/// An article that the server has.
#[derive(Debug, Deserialize)]
pub(super) struct Shown {
    id: u64,
    url: String,
    #[serde(default)]
    title: Value,
    #[serde(default)]
    body_markdown: Value,
    #[serde(default)]
    published_at: Value,
}

/// Where it is.
pub(super) fn there(shown: Shown) -> Result<Published, Failure> {
    answer::there(shown.id.to_string(), shown.url)
}

impl Article {
    /// What was written down.
    pub(super) fn of(frozen: &Frozen) -> Result<Self, Failure> {
        serde_json::from_str(&frozen.request).map(|Body { article }| article).map_err(|_| {
            Failure::new(ErrorClass::Config, "the stored request is not an article of this version")
        })
    }

    /// Title and text make an article ours. One of them alone could be ours, changed since.
    fn compare(&self, shown: Shown) -> Result<Likeness, Failure> {
        let text = |value: &Value| {
            value.as_str().map(str::to_owned).ok_or_else(|| {
                Failure::new(ErrorClass::Transient, "the list has an article without its text")
            })
        };
        let same_title = words(&text(&shown.title)?) == words(&self.title);
        let same_text = lines(&text(&shown.body_markdown)?) == lines(&self.body_markdown);
        Ok(match (same_title, same_text) {
            (true, true) => Likeness::Same(there(shown)?),
            (false, false) => Likeness::Different,
            _ => Likeness::Alike(shown.id.to_string()),
        })
    }
}

/// Letters and digits of a title: Forem takes signs out.
fn words(title: &str) -> String {
    title.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// The lines of a text, without what Forem changes: space at their ends, and the language of code, which it puts in.
fn lines(text: &str) -> Vec<&str> {
    let lines = text.lines().map(|line| {
        let line = line.trim();
        let fence = line.starts_with("```") || line.starts_with("~~~");
        if fence { &line[..3] } else { line }
    });
    lines.filter(|line| !line.is_empty()).collect()
}

/// The account's articles that are published, newest first. Drafts would stand before them, however many there are.
pub(super) struct Mine<'a> {
    pub(super) api: Api<'a>,
    pub(super) sent: &'a Article,
}

#[async_trait]
impl OwnPosts for Mine<'_> {
    type Cursor = usize;

    async fn page(&self, next: Option<usize>) -> Result<Page<usize>, Failure> {
        let page = next.unwrap_or(1);
        let path = format!("{ARTICLES}/me/published?per_page={PAGE}&page={page}");
        let answer = self.api.list(&path).await;
        let answered_at = answered_at(&answer);
        let shown: Vec<Shown> = read(Phase::Read, answer)?;
        let next = (shown.len() >= PAGE).then_some(page + 1);
        let listed = shown.into_iter().map(|shown| {
            let at = shown.published_at.as_str().and_then(time);
            self.sent.compare(shown).map(|likeness| Listed { at, likeness })
        });
        Ok(Page { listed: listed.collect::<Result<_, _>>()?, answered_at, next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn images_stand_behind_the_text() {
        let media = json!([{"url": "https://a.example/a(1).png", "alt": "a [desk]\n{% x %}"},
                           {"url": "https://a.example/b.png"}]);
        let post = Post {
            content: "Hi".into(),
            media,
            settings: json!({"title": "A", "tags": ["rust"]}),
            attempt: 1,
            reply_to: None,
        };
        let frozen = draft(&post, "k".into()).unwrap();
        let sent = Article::of(&frozen).unwrap();
        assert_eq!(
            sent.body_markdown,
            "Hi\n\n![a \\[desk\\] &#123;% x %}](https://a.example/a%281%29.png)\n\n![](https://a.example/b.png)"
        );
        assert_eq!(
            Article::of(&Frozen { key: "k".into(), request: "[]".into() }).unwrap_err().class,
            ErrorClass::Config
        );
    }

    #[test]
    fn what_forem_changes_makes_no_difference() {
        let sent = Article {
            title: "It's ★ 100%".into(),
            body_markdown: "a  \n\n```\nx\n```\n".into(),
            ..Article::default()
        };
        let shown = |title: &str, body: &str| {
            let shown = json!({"id": 1, "url": "https://dev.to/a/b", "title": title, "body_markdown": body});
            sent.compare(serde_json::from_value(shown).unwrap()).unwrap()
        };
        assert!(matches!(shown("It's 100%", "a\r\n\r\n```shell\r\nx\r\n```"), Likeness::Same(_)));
        assert_eq!(shown("It's 100%", "b"), Likeness::Alike("1".into()));
        assert_eq!(shown("Other", "a\n```\nx\n```"), Likeness::Alike("1".into()));
        assert_eq!(shown("Other", "b"), Likeness::Different);
    }
}
