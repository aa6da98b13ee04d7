//! What an account does besides publishing, and how its posts do.

use crier_core::error_class::ErrorClass;
use crier_core::platform::x::{self, PLATFORM};
use serde::Deserialize;
use serde_json::json;

use super::api::{Api, done, is_id, read};
use crate::providers::answer::Phase;
use crate::providers::{Act, Charges, Done, Failure, Metrics};

#[derive(Deserialize)]
struct Written {
    data: Event,
}

#[derive(Deserialize)]
struct Event {
    dm_event_id: String,
}

/// Does it.
pub(super) async fn act(api: &Api<'_>, charges: &Charges, act: &Act) -> Result<Done, Failure> {
    match act {
        Act::Delete { post } => delete(api, id(post)?).await,
        Act::DirectMessage { account, text, .. } => {
            let path = format!("dm_conversations/with/{}/messages", id(account)?);
            let answer = api.post(&path, &json!({ "text": text })).await;
            charges.add_call(x::DM, &answer);
            let written: Written = read(Phase::Commit, answer)?;
            Ok(Done { external_id: Some(written.data.dm_event_id).filter(|id| is_id(id)), url: None })
        }
        Act::Like { .. } | Act::Follow { .. } => Err(Failure::unsupported(PLATFORM.name, act)),
    }
}

/// Takes a post back. It may be done twice.
async fn delete(api: &Api<'_>, post: &str) -> Result<Done, Failure> {
    match done(Phase::Prepare, api.delete(&format!("tweets/{post}")).await) {
        Err(failure) if failure.class != ErrorClass::TargetMissing => Err(failure),
        _ => Ok(Done::default()),
    }
}

#[derive(Deserialize)]
struct Posts {
    data: Vec<Counted>,
}

#[derive(Deserialize)]
struct Counted {
    public_metrics: PublicMetrics,
}

#[derive(Deserialize)]
struct PublicMetrics {
    #[serde(default)]
    impression_count: Option<u64>,
    #[serde(default)]
    like_count: Option<u64>,
    #[serde(default)]
    reply_count: Option<u64>,
    #[serde(default)]
    retweet_count: Option<u64>,
    #[serde(default)]
    quote_count: Option<u64>,
}

/// How a post does.
pub(super) async fn metrics(api: &Api<'_>, charges: &Charges, post: &str) -> Result<Metrics, Failure> {
    let params = [("ids", id(post)?), ("tweet.fields", "public_metrics")];
    let posts: Posts = read(Phase::Read, api.get("tweets", &params).await)?;
    charges.add(x::OWN_POST_READ, posts.data.len().try_into().unwrap_or(u64::MAX));
    let counted = posts.data.into_iter().next().map(|post| post.public_metrics);
    let counted = counted.ok_or_else(|| Failure::new(ErrorClass::TargetMissing, "there is no such post"))?;
    let passed_on = [counted.retweet_count, counted.quote_count].into_iter().flatten();
    Ok(Metrics {
        views: counted.impression_count,
        likes: counted.like_count,
        replies: counted.reply_count,
        shares: passed_on.reduce(u64::saturating_add),
    })
}

/// What may stand in a path.
fn id(text: &str) -> Result<&str, Failure> {
    let wrong = || Failure::new(ErrorClass::ContentInvalid, "X names posts and accounts by numbers");
    Some(text).filter(|text| is_id(text)).ok_or_else(wrong)
}
