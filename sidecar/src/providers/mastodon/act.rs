//! What an account does besides publishing.

use crier_core::error_class::ErrorClass;
use crier_core::platform::mastodon::is_name;
use reqwest::Method;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::api::{Api, Id, STATUSES, Shown, read};
use super::publish::there;
use crate::providers::answer::Phase;
use crate::providers::{Act, Done, Failure, Metrics};

pub(super) async fn act(server: &Api<'_>, act: &Act) -> Result<Done, Failure> {
    match act {
        Act::Delete { post } => delete(server, &id(post)?).await,
        Act::Like { post, .. } => {
            let path = format!("{STATUSES}/{}/favourite", id(post)?.as_str());
            post_empty(server, &path).await
        }
        Act::Follow { account, .. } => {
            let followed = find(server, account).await?;
            let path = format!("api/v1/accounts/{}/follow", followed.id.as_str());
            post_empty(server, &path).await
        }
        Act::DirectMessage { account: to, text, key } => {
            let to = find(server, to).await?;
            let body = json!({"status": format!("@{} {text}", to.acct), "visibility": "direct"});
            write(server, &key.to_string(), &body).await
        }
    }
}

/// How a post does.
pub(super) async fn metrics(server: &Api<'_>, post: &str) -> Result<Metrics, Failure> {
    let path = format!("{STATUSES}/{}", id(post)?.as_str());
    let shown: Value = read(Phase::Read, server.get(&path).await)?;
    let count = |name: &str| shown[name].as_u64();
    Ok(Metrics {
        views: None,
        likes: count("favourites_count"),
        replies: count("replies_count"),
        shares: count("reblogs_count"),
    })
}

fn id(text: &str) -> Result<Id, Failure> {
    let message = "that is not the id of a post on Mastodon";
    Id::parse(text).ok_or_else(|| Failure::new(ErrorClass::ContentInvalid, message))
}

/// What is gone already is taken back too.
async fn delete(server: &Api<'_>, post: &Id) -> Result<Done, Failure> {
    let path = format!("{STATUSES}/{}", post.as_str());
    let answer = server.send(server.request(Method::DELETE, &path)).await;
    match read::<IgnoredAny>(Phase::Prepare, answer) {
        Err(failure) if failure.class != ErrorClass::TargetMissing => Err(failure),
        _ => Ok(Done::default()),
    }
}

/// A call that may be repeated and makes nothing.
async fn post_empty(server: &Api<'_>, path: &str) -> Result<Done, Failure> {
    let answer = server.send(server.request(Method::POST, path)).await;
    read::<IgnoredAny>(Phase::Prepare, answer).map(|_| Done::default())
}

/// Publishes something that addresses somebody.
async fn write(server: &Api<'_>, key: &str, body: &Value) -> Result<Done, Failure> {
    let shown: Shown = read(Phase::Commit, server.publish(key, body.to_string()).await)?;
    let there = there(&shown)?;
    Ok(Done { external_id: Some(there.external_id), url: Some(there.url) })
}

#[derive(Deserialize)]
struct Known {
    id: Id,
    acct: String,
}

/// An account by its name, or by its id where that is a number.
async fn find(server: &Api<'_>, account: &str) -> Result<Known, Failure> {
    let name = account.trim_start_matches('@');
    if !is_name(name) {
        return Err(Failure::new(
            ErrorClass::ContentInvalid,
            "that is not the name of an account on Mastodon",
        ));
    }
    let path = if name.bytes().all(|b| b.is_ascii_digit()) {
        format!("api/v1/accounts/{name}")
    } else {
        format!("api/v1/accounts/lookup?acct={name}")
    };
    let known: Known = read(Phase::Read, server.get(&path).await)?;
    if !is_name(&known.acct) {
        return Err(Failure::new(ErrorClass::Transient, "the answer names no account"));
    }
    Ok(known)
}
