//! What an account does besides publishing, and how its posts do. Votes are for people: nothing here casts one.

use crier_core::error_class::ErrorClass;
use crier_core::platform::reddit::{PLATFORM, is_thing};
use serde::de::IgnoredAny;
use serde_json::Value;

use super::api::Api;
use super::classify::read;
use super::look::Listing;
use super::publish::form;
use crate::providers::answer::Phase;
use crate::providers::{Act, Done, Failure, Metrics};

/// Does it.
pub(super) async fn act(api: &Api<'_>, act: &Act) -> Result<Done, Failure> {
    let Act::Delete { post } = act else { return Err(Failure::unsupported(PLATFORM.name, act)) };
    let body = form(&[("api_type", "json"), ("id", named(post)?)]);
    match read::<IgnoredAny>(Phase::Prepare, api.form("api/del", body).await) {
        // It may be done twice.
        Err(failure) if failure.class != ErrorClass::TargetMissing => Err(failure),
        _ => Ok(Done::default()),
    }
}

/// How a post or a comment does. What Reddit calls score is a little off on purpose.
pub(super) async fn metrics(api: &Api<'_>, post: &str) -> Result<Metrics, Failure> {
    let answer = api.get("api/info", &[("id", named(post)?)]).await;
    let shown = read::<Listing<Value>>(Phase::Read, answer)?.things();
    let missing = || Failure::new(ErrorClass::TargetMissing, "there is no such post");
    let shown = shown.into_iter().find(|shown| shown["name"] == post).ok_or_else(missing)?;
    let told = |name: &str| shown[name].as_i64().map(|number| number.max(0).unsigned_abs());
    Ok(Metrics {
        views: told("view_count"),
        likes: told("score"),
        replies: told("num_comments"),
        shares: told("num_crossposts"),
    })
}

/// What may stand in a request.
fn named(text: &str) -> Result<&str, Failure> {
    let wrong =
        || Failure::new(ErrorClass::ContentInvalid, "Reddit names posts like t3_1abcde and t1_k2fghij");
    Some(text).filter(|text| is_thing(text)).ok_or_else(wrong)
}
