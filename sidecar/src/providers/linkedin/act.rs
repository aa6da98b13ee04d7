//! What an account does besides publishing, and how the posts of a page do.

use crier_core::error_class::ErrorClass;
use crier_core::platform::linkedin::{PLATFORM, is_post};
use serde::Deserialize;

use super::api::{Api, done, encoded, read};
use super::comment;
use super::session::is_member;
use crate::providers::answer::{Fields, Phase};
use crate::providers::{Act, Done, Failure, Metrics};

/// Does it.
pub(super) async fn act(api: &Api<'_>, author: &str, act: &Act) -> Result<Done, Failure> {
    match act {
        Act::Delete { post } => {
            let path = match comment::path_of(post, author) {
                Some(path) => path,
                None => format!("posts/{}", encoded(urn(post)?)),
            };
            match done(Phase::Prepare, api.delete(&path).await) {
                Err(failure) if failure.class != ErrorClass::TargetMissing => Err(failure),
                _ => Ok(Done::default()),
            }
        }
        Act::Like { .. } | Act::Follow { .. } | Act::DirectMessage { .. } => {
            Err(Failure::unsupported(PLATFORM.name, act))
        }
    }
}

#[derive(Deserialize)]
struct List {
    elements: Vec<Counted>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counted {
    #[serde(default)]
    total_share_statistics: Figures,
}

/// A figure may be negative there, when likes are taken back.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Figures {
    #[serde(default)]
    impression_count: Option<i64>,
    #[serde(default)]
    like_count: Option<i64>,
    #[serde(default)]
    comment_count: Option<i64>,
    #[serde(default)]
    share_count: Option<i64>,
}

/// How a post of a page does. Of a member's LinkedIn tells nothing.
pub(super) async fn metrics(api: &Api<'_>, author: &str, post: &str) -> Result<Metrics, Failure> {
    if is_member(author) {
        let message = "linkedin tells nothing about the posts of members, only about those of pages";
        return Err(Failure::new(ErrorClass::Unsupported, message));
    }
    let urn = urn(post)?;
    let kind = if urn.starts_with("urn:li:ugcPost:") { "ugcPosts" } else { "shares" };
    let path = format!(
        "organizationalEntityShareStatistics?q=organizationalEntity&organizationalEntity={}&{kind}=List({})",
        encoded(author),
        encoded(urn)
    );
    let Fields(List { elements }) = read(Phase::Read, api.get(&path).await)?;
    // one that nobody has seen yet is not in the list
    let figures = elements.into_iter().next().unwrap_or_default().total_share_statistics;
    let count = |figure: Option<i64>| figure.map(|figure| figure.max(0).unsigned_abs());
    Ok(Metrics {
        views: count(figures.impression_count),
        likes: count(figures.like_count),
        replies: count(figures.comment_count),
        shares: count(figures.share_count),
    })
}

/// What may stand in a path.
fn urn(post: &str) -> Result<&str, Failure> {
    let wrong = || Failure::new(ErrorClass::ContentInvalid, "LinkedIn names posts by URNs");
    Some(post).filter(|post| is_post(post)).ok_or_else(wrong)
}
