//! What an account does besides publishing. A like and a follow are records of its own, written under a key that belongs to
//! the action: written twice, the second time changes nothing.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crier_core::error_class::ErrorClass;
use crier_core::platform::bluesky::{PLATFORM, post_address};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::publish::{COLLECTION, PUT_RECORD};
use super::syntax::{is_cid, is_did};
use super::tid;
use super::xrpc::{As, Xrpc, done, read};
use crate::providers::answer::Phase;
use crate::providers::{Act, Caller, Done, Failure, Metrics};

const DELETE_RECORD: &str = "com.atproto.repo.deleteRecord";
const GET_POSTS: &str = "app.bsky.feed.getPosts";
const GET_PROFILE: &str = "app.bsky.actor.getProfile";
const LIKES: &str = "app.bsky.feed.like";
const FOLLOWS: &str = "app.bsky.graph.follow";

/// Does it.
pub(super) async fn act(server: &Xrpc<'_>, caller: &Caller, act: &Act) -> Result<Done, Failure> {
    match act {
        Act::Delete { post } => delete(server, caller, post).await,
        Act::Like { post, key } => {
            let shown = view(server, caller, post).await?;
            if !is_cid(&shown.cid) {
                return Err(unreadable());
            }
            let subject = json!({ "uri": post, "cid": shown.cid });
            write(server, caller, LIKES, *key, subject, shown.viewer.like).await
        }
        Act::Follow { account, key } => {
            let answer = server
                .query_as(As::Account(&caller.session), GET_PROFILE, &[("actor", account.as_str())])
                .await;
            let profile: Profile = read(Phase::Read, answer)?;
            if !is_did(&profile.did) {
                return Err(unreadable());
            }
            if profile.did == caller.account.external_id {
                let message = "an account can't follow itself";
                return Err(Failure::new(ErrorClass::ContentInvalid, message));
            }
            write(server, caller, FOLLOWS, *key, profile.did.into(), profile.viewer.following).await
        }
        _ => Err(Failure::unsupported(PLATFORM.name, act)),
    }
}

/// What is gone already is taken back too: the server says so itself.
async fn delete(server: &Xrpc<'_>, caller: &Caller, post: &str) -> Result<Done, Failure> {
    let key = match post_address(post) {
        Some((did, key)) if did == caller.account.external_id => key,
        _ => return Err(Failure::new(ErrorClass::ContentInvalid, "that is not a post of the account")),
    };
    let body = json!({ "repo": caller.account.external_id, "collection": COLLECTION, "rkey": key });
    let answer = server.procedure(DELETE_RECORD, As::Account(&caller.session), Some(as_json(&body))).await;
    done(Phase::Prepare, answer)?;
    Ok(Done::default())
}

/// Writes the record of a like or a follow, unless the account has one.
async fn write(
    server: &Xrpc<'_>,
    caller: &Caller,
    collection: &str,
    key: Uuid,
    subject: Value,
    known: Option<String>,
) -> Result<Done, Failure> {
    if let Some(known) = known.filter(|uri| is_own(caller, uri)) {
        return Ok(Done { external_id: Some(known), url: None });
    }
    let made = made_at(key);
    let rkey = tid::of(key, made);
    let record = json!({
        "$type": collection,
        "subject": subject,
        "createdAt": humantime::format_rfc3339_millis(made).to_string(),
    });
    let body = json!({
        "repo": caller.account.external_id, "collection": collection, "rkey": rkey, "record": record,
    });
    let answer = server.procedure(PUT_RECORD, As::Account(&caller.session), Some(as_json(&body))).await;
    done(Phase::Prepare, answer)?;
    let uri = format!("at://{}/{collection}/{rkey}", caller.account.external_id);
    Ok(Done { external_id: Some(uri), url: None })
}

fn as_json(body: &Value) -> (&'static str, Vec<u8>) {
    ("application/json", body.to_string().into_bytes())
}

/// The address of a record of the account, as it can be stored.
fn is_own(caller: &Caller, uri: &str) -> bool {
    uri.len() <= 3_000
        && uri.bytes().all(|b| b.is_ascii_graphic())
        && uri
            .strip_prefix("at://")
            .and_then(|rest| rest.strip_prefix(&*caller.account.external_id))
            .is_some_and(|rest| rest.starts_with('/'))
}

/// When a key was made, to the millisecond.
fn made_at(key: Uuid) -> SystemTime {
    let (seconds, nanos) = key.get_timestamp().map_or((0, 0), |time| time.to_unix());
    // far beyond any time, but not beyond what the type can hold
    UNIX_EPOCH + Duration::new(seconds.min(1 << 36), nanos)
}

#[derive(Deserialize)]
struct Posts {
    posts: Vec<Shown>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    #[serde(default)]
    cid: String,
    #[serde(default)]
    viewer: Viewer,
    like_count: Option<u64>,
    reply_count: Option<u64>,
    repost_count: Option<u64>,
    quote_count: Option<u64>,
}

#[derive(Deserialize)]
struct Profile {
    did: String,
    #[serde(default)]
    viewer: Viewer,
}

/// What the account has to do with what it is shown.
#[derive(Default, Deserialize)]
struct Viewer {
    like: Option<String>,
    following: Option<String>,
}

/// A post as the account is shown it.
async fn view(server: &Xrpc<'_>, caller: &Caller, post: &str) -> Result<Shown, Failure> {
    if post_address(post).is_none() {
        return Err(Failure::new(ErrorClass::ContentInvalid, "that is not the address of a post on Bluesky"));
    }
    let answer = server.query_as(As::Account(&caller.session), GET_POSTS, &[("uris", post)]).await;
    let posts: Posts = read(Phase::Read, answer)?;
    let missing = || Failure::new(ErrorClass::TargetMissing, "there is no such post");
    posts.posts.into_iter().next().ok_or_else(missing)
}

fn unreadable() -> Failure {
    Failure::new(ErrorClass::Transient, "the server answered with something that can't be read")
}

/// How a post does. Nobody counts how often it was seen.
pub(super) async fn metrics(server: &Xrpc<'_>, caller: &Caller, post: &str) -> Result<Metrics, Failure> {
    let shown = view(server, caller, post).await?;
    let passed_on = [shown.repost_count, shown.quote_count].into_iter().flatten();
    Ok(Metrics {
        views: None,
        likes: shown.like_count,
        replies: shown.reply_count,
        shares: passed_on.reduce(u64::saturating_add),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_when_it_was_made() {
        let key: Uuid = "019abcde-f012-7000-8000-000000000001".parse().unwrap();
        let since = made_at(key).duration_since(UNIX_EPOCH).unwrap();
        assert_eq!(since.as_millis(), 0x019a_bcde_f012);
        assert_eq!(made_at(Uuid::nil()), UNIX_EPOCH);
    }
}
