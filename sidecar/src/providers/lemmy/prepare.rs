//! What is looked up before: the community, the language, and what is commented, by the ids that the account's server has for them.
//! Nothing is written where the account would not see it.

use crier_core::error_class::ErrorClass;
use crier_core::platform::lemmy::{self, Subject, is_id, subject};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::api::{Api, read};
use super::place::{self, Kind};
use super::session;
use crate::providers::answer::Phase;
use crate::providers::{Failure, Post};

/// What was looked up so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Prepared {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) community: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) language: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) parent: Option<Parent>,
}

/// What is commented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Parent {
    pub(super) post: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<u64>,
}

#[derive(Deserialize)]
struct Named {
    id: u64,
}

#[derive(Deserialize)]
struct CommentAnswer {
    comment_view: CommentView,
}

#[derive(Deserialize)]
struct CommentView {
    comment: Comment,
}

#[derive(Deserialize)]
struct Comment {
    id: u64,
    post_id: u64,
}

#[derive(Deserialize)]
struct PostView {
    post: Named,
}

/// What a server finds under an address.
#[derive(Deserialize)]
struct Resolved {
    #[serde(default)]
    post: Option<PostView>,
    #[serde(default)]
    comment: Option<CommentView>,
}

/// What another version stored differently is looked up again.
pub(super) fn parse(prepared: &Value) -> Prepared {
    Prepared::deserialize(prepared).unwrap_or_default()
}

pub(super) fn settings(post: &Post) -> Result<lemmy::Settings, Failure> {
    lemmy::settings(&post.settings)
        .map_err(|why| Failure::new(ErrorClass::ContentInvalid, format!("the settings for lemmy {why}")))
}

/// Does the next piece; `None` when there is none.
pub(super) async fn step(server: &Api<'_>, post: &Post, prepared: &Value) -> Result<Option<Value>, Failure> {
    let mut prepared = parse(prepared);
    if let Some(answered) = &post.reply_to {
        match prepared.parent {
            None => prepared.parent = Some(parent(server, answered).await?),
            Some(parent) if prepared.community.is_none() => {
                let community = place::of_post(server, Phase::Prepare, parent.post).await?;
                prepared.community = Some(seen(server, &format!("id={community}"), Kind::Comment).await?);
            }
            Some(_) => return Ok(None),
        }
        return Ok(Some(json!(prepared)));
    }
    let settings = settings(post)?;
    if prepared.community.is_none() {
        let name = settings.community.as_deref().map(|name| format!("name={name}"));
        let id = settings.community_id.map(|id| format!("id={id}"));
        prepared.community = Some(seen(server, &name.or(id).unwrap_or_default(), Kind::Post).await?);
    } else if let (Some(code), None) = (&settings.language, prepared.language) {
        prepared.language = Some(session::language(server, code).await?);
    } else {
        return Ok(None);
    }
    Ok(Some(json!(prepared)))
}

async fn seen(server: &Api<'_>, query: &str, kind: Kind) -> Result<u64, Failure> {
    let me = session::me(server, Phase::Prepare).await?;
    place::seen_by(&me, server, Phase::Prepare, query, kind).await
}

async fn parent(server: &Api<'_>, answered: &str) -> Result<Parent, Failure> {
    let wrong = || Failure::new(ErrorClass::ContentInvalid, "what is commented is no post on Lemmy");
    let number = |id: &str| id.parse::<u64>().map_err(|_| wrong());
    let of = |Comment { id, post_id }| Parent { post: post_id, comment: Some(id) };
    let named = match subject(answered) {
        Some(Subject::Address(address)) => match server.within(address).and_then(local) {
            Some(local) => local,
            None => return resolve(server, address).await,
        },
        Some(named) => named,
        None => return Err(wrong()),
    };
    match named {
        Subject::Post(id) => Ok(Parent { post: number(id)?, comment: None }),
        Subject::Comment(id) => {
            let answer = server.get(&format!("comment?id={}", number(id)?)).await;
            let CommentAnswer { comment_view } = read(Phase::Prepare, answer)?;
            Ok(of(comment_view.comment))
        }
        Subject::Address(_) => Err(wrong()),
    }
}

/// `/post/12` or `/comment/12` on the account's own server.
fn local(path: &str) -> Option<Subject<'_>> {
    let path = path.split(['?', '#']).next()?;
    let post = path.strip_prefix("/post/").filter(|id| is_id(id)).map(Subject::Post);
    post.or_else(|| path.strip_prefix("/comment/").filter(|id| is_id(id)).map(Subject::Comment))
}

/// Asks the account's server for what another one has, which it fetches.
async fn resolve(server: &Api<'_>, address: &str) -> Result<Parent, Failure> {
    let query: String = form_urlencoded::byte_serialize(address.as_bytes()).collect();
    let resolved: Resolved = read(Phase::Prepare, server.get(&format!("resolve_object?q={query}")).await)?;
    match resolved {
        Resolved { comment: Some(found), .. } => {
            Ok(Parent { post: found.comment.post_id, comment: Some(found.comment.id) })
        }
        Resolved { post: Some(found), .. } => Ok(Parent { post: found.post.id, comment: None }),
        _ => {
            let message = "the account's server finds nothing under the address of what is commented";
            Err(Failure::new(ErrorClass::TargetMissing, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_back() {
        let parent = Some(Parent { post: 1, comment: Some(2) });
        let prepared = Prepared { community: Some(7), language: Some(37), parent };
        assert_eq!(parse(&json!(prepared)), prepared);
        for odd in [Value::Null, json!(["rust"]), json!({"community": "rust"})] {
            assert_eq!(parse(&odd), Prepared::default(), "{odd}");
        }
        assert_eq!(local("/comment/12?x"), Some(Subject::Comment("12")));
        assert_eq!((local("/post/12/13"), local("/c/rust")), (None, None));
    }
}
