//! What an account does besides publishing, and how its notes do. What was done before is done.

use crier_core::error_class::ErrorClass;
use crier_core::platform::misskey::{PLATFORM, is_id, is_name};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Api, done, read};
use crate::providers::answer::{Fields, Phase};
use crate::providers::{Act, Done, Failure, Metrics};

/// What a like is there.
const HEART: &str = "❤️";

pub(super) async fn act(api: &Api<'_>, act: &Act) -> Result<Done, Failure> {
    let (endpoint, object, before) = match act {
        Act::Delete { post } => ("notes/delete", json!({ "noteId": id(post)? }), "NO_SUCH_NOTE"),
        Act::Like { post, .. } => {
            ("notes/reactions/create", json!({ "noteId": id(post)?, "reaction": HEART }), "ALREADY_REACTED")
        }
        Act::Follow { account, .. } => {
            ("following/create", json!({ "userId": find(api, account).await? }), "ALREADY_FOLLOWING")
        }
        Act::DirectMessage { .. } => return Err(Failure::unsupported(PLATFORM.name, act)),
    };
    match done(Phase::Prepare, api.call(endpoint, &object).await) {
        Err(failure) if failure.code.as_deref() != Some(before) => Err(failure),
        _ => Ok(Done::default()),
    }
}

fn id(text: &str) -> Result<&str, Failure> {
    let wrong = || Failure::new(ErrorClass::ContentInvalid, "that is not the id of a note on Misskey");
    Some(text).filter(|text| is_id(text)).ok_or_else(wrong)
}

#[derive(Deserialize)]
struct Known {
    id: String,
}

/// The id of an account, from itself or from its name with its `@`.
async fn find(api: &Api<'_>, account: &str) -> Result<String, Failure> {
    let wrong = |class| Failure::new(class, "that is not the name of an account on Misskey");
    let Some(name) = account.strip_prefix('@') else {
        return Some(account.to_owned())
            .filter(|id| is_id(id))
            .ok_or_else(|| wrong(ErrorClass::ContentInvalid));
    };
    if !is_name(name) {
        return Err(wrong(ErrorClass::ContentInvalid));
    }
    let (username, host) = name.split_once('@').map_or((name, None), |(user, host)| (user, Some(host)));
    let answer = api.call("users/show", &json!({ "username": username, "host": host })).await;
    let Fields(Known { id }) = read(Phase::Read, answer)?;
    Some(id).filter(|id| is_id(id)).ok_or_else(|| wrong(ErrorClass::Transient))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counted {
    reactions: Value,
    #[serde(default)]
    replies_count: Option<u64>,
    #[serde(default)]
    renote_count: Option<u64>,
}

/// How a note does. Reactions of every kind are likes.
pub(super) async fn metrics(api: &Api<'_>, post: &str) -> Result<Metrics, Failure> {
    let answer = api.call("notes/show", &json!({ "noteId": id(post)? })).await;
    let Fields(counted): Fields<Counted> = read(Phase::Read, answer)?;
    let reactions = counted.reactions.as_object();
    let likes =
        reactions.map(|kinds| kinds.values().filter_map(Value::as_u64).fold(0_u64, u64::saturating_add));
    Ok(Metrics { views: None, likes, replies: counted.replies_count, shares: counted.renote_count })
}
