//! The post: written once, sent under its slug, looked for by it.

use crier_core::error_class::ErrorClass;
use crier_core::platform::wordpress::{self, PostFormat};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::api::{Api, POSTS, read, total};
use super::html::{Figure, content, plain};
use super::prepare;
use crate::providers::answer::{self, Phase};
use crate::providers::{Account, Failure, Found, Frozen, Post, Published};

const FIELDS: &str = "_fields=id,slug,status,link,author";
/// What WordPress puts behind the slug of a post in the trash.
const TRASHED: &str = "__trashed";
/// The most characters of the title in a slug.
const MAX_WORDS: usize = 60;
const PUBLISHED: &str = "publish";

/// The body of a post.
#[derive(Debug, Serialize)]
struct Body<'a> {
    title: String,
    content: String,
    status: &'static str,
    slug: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    excerpt: Option<String>,
    #[serde(skip_serializing_if = "<[u32]>::is_empty")]
    categories: &'a [u32],
    #[serde(skip_serializing_if = "<[u32]>::is_empty")]
    tags: &'a [u32],
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    featured_media: Option<u64>,
}

/// A post as the site shows it.
#[derive(Debug, Deserialize)]
struct Shown {
    id: u64,
    slug: String,
    status: String,
    link: String,
    author: u64,
}

/// Writes the post down. The first image stands for the post, the others behind its text.
pub(super) fn draft(post: &Post, prepared: &Value, key: &str) -> Result<Frozen, Failure> {
    let wrong = |why| Failure::new(ErrorClass::ContentInvalid, format!("the settings for wordpress {why}"));
    let settings = wordpress::settings(&post.settings).map_err(wrong)?;
    let images = prepare::parse(prepared).images;
    let media = post.attachments()?;
    let figures = images.iter().zip(&media).skip(1).map(|(image, attachment)| Figure {
        id: image.id,
        address: &image.address,
        alt: &attachment.alt,
    });
    let slug = slug(&settings.title, key);
    let body = Body {
        title: plain(&settings.title),
        content: content(&post.content, settings.markup, figures),
        status: PUBLISHED,
        slug: &slug,
        excerpt: settings.excerpt.as_deref().map(plain),
        categories: &settings.categories,
        tags: &settings.tags,
        format: settings.format.map(PostFormat::as_str),
        featured_media: images.first().map(|image| image.id),
    };
    let request = serde_json::to_string(&body)
        .map_err(|_| Failure::new(ErrorClass::ContentInvalid, "the post can't be written as JSON"))?;
    Ok(Frozen { key: slug, request })
}

/// Words of the title for those who read addresses, and the key, without which it would be guessed. It is what WordPress itself
/// would make of it, so that it is kept as it is.
fn slug(title: &str, key: &str) -> String {
    let mut words = String::new();
    for c in title.chars().flat_map(char::to_lowercase) {
        if words.len() == MAX_WORDS {
            break;
        }
        if c.is_ascii_alphanumeric() {
            words.push(c);
        } else if !words.is_empty() && !words.ends_with('-') && c != '\'' && c != '’' {
            words.push('-');
        }
    }
    let key = key.replace('-', "");
    match words.trim_end_matches('-') {
        "" => key,
        words => format!("{words}-{key}"),
    }
}

/// Whether it may stand in an address as it is.
fn is_slug(slug: &str) -> bool {
    !slug.is_empty() && slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Sends the stored bytes.
pub(super) async fn commit(site: &Api<'_>, frozen: &Frozen) -> Result<Published, Failure> {
    let request = site.request(Method::POST, &format!("{POSTS}?{FIELDS}"));
    let request = request.header(CONTENT_TYPE, "application/json").body(frozen.request.clone());
    let shown: Shown = read(Phase::Commit, site.send(request).await)?;
    if shown.status != PUBLISHED {
        let message = format!("the site has the post as {:?}, not published", shown.status);
        return Err(Failure::new(ErrorClass::OutcomeUnknown, message));
    }
    there(shown)
}

/// Asks for the slug, also in the trash. The site says how many there are even where it doesn't show them.
pub(super) async fn look(site: &Api<'_>, account: &Account, frozen: &Frozen) -> Result<Found, Failure> {
    let key = &frozen.key;
    if !is_slug(key) {
        return Err(Failure::new(ErrorClass::Config, "the stored key is not a slug"));
    }
    let path = format!("{POSTS}?slug={key},{key}{TRASHED}&status=any,trash&context=edit&{FIELDS}");
    let answer = site.get(&path).await;
    let total = answer.as_ref().ok().and_then(total);
    let posts: Vec<Shown> = read(Phase::Read, answer)?;
    let is_ours = |post: &Shown| {
        post.slug == *key && post.status == PUBLISHED && post.author.to_string() == account.external_id
    };
    match (posts.len(), total) {
        (0, Some(0)) => Ok(Found::Absent),
        (0, None) => {
            let message = "the answer is not that of WordPress: it doesn't say how many posts there are";
            Err(Failure::new(ErrorClass::Transient, message))
        }
        _ => match posts.into_iter().find(is_ours) {
            Some(post) => there(post).map(Found::Same),
            // taken back, put into the trash, given to another author, or not shown to us
            None => Ok(Found::Other),
        },
    }
}

/// A post that the site has.
fn there(shown: Shown) -> Result<Published, Failure> {
    answer::there(shown.id.to_string(), shown.link)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const KEY: &str = "01a1ee56-5e00-7000-8000-000000000000";

    #[test]
    fn a_slug_has_words_of_the_title_and_the_key() {
        for (title, expected) in [
            ("Hello, World!", "hello-world-01a1ee565e0070008000000000000000"),
            ("It's — 100% über", "its-100-ber-01a1ee565e0070008000000000000000"),
            ("日本語", "01a1ee565e0070008000000000000000"),
        ] {
            assert_eq!(slug(title, KEY), expected);
        }
        let long = slug(&"word ".repeat(60), KEY);
        assert!(long.len() <= MAX_WORDS + 33 && is_slug(&long) && !long.contains("--"), "{long}");
    }

    #[test]
    fn what_is_not_asked_is_left_out() {
        let post =
            |settings| Post { content: "Hi".into(), media: json!([]), settings, attempt: 1, reply_to: None };
        let frozen = draft(&post(json!({"title": "A"})), &Value::Null, KEY).unwrap();
        assert_eq!(
            frozen.request,
            r#"{"title":"A","content":"<p>Hi</p>","status":"publish","slug":"a-01a1ee565e0070008000000000000000"}"#
        );
        assert_eq!(frozen.key, "a-01a1ee565e0070008000000000000000");
        let failure = draft(&post(json!({})), &Value::Null, KEY).unwrap_err();
        assert_eq!(failure.class, ErrorClass::ContentInvalid);
    }
}
