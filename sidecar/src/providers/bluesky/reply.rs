//! What a post answers: the post itself and the first of its thread, each by its address and the hash of its content.

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use crier_core::platform::bluesky::post_ref;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::classify::{failure, is_error};
use super::prepare::{RESOLVE_HANDLE, Resolved};
use super::publish::{COLLECTION, GET_RECORD};
use super::syntax::{is_cid, is_did, is_handle};
use super::xrpc::{Xrpc, read};
use crate::providers::Failure;
use crate::providers::answer::Phase;

/// The field `reply` of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reply {
    root: Named,
    parent: Named,
}

/// A record by its address and the hash of its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Named {
    uri: String,
    cid: String,
}

impl Named {
    /// Nothing but a post, in the form a record may hold.
    fn of(uri: &str, cid: &str) -> Option<Self> {
        let is_post = uri.starts_with("at://") && post_ref(uri).is_some_and(|post| is_did(post.repo));
        (is_post && is_cid(cid)).then(|| Self { uri: uri.to_owned(), cid: cid.to_owned() })
    }
}

#[derive(Deserialize)]
struct Got {
    uri: String,
    cid: String,
    value: Value,
}

/// Reads the post that is answered. Of another server's account, the own server asks where it is known.
pub(super) async fn find(server: &Xrpc<'_>, answered: &str) -> Result<Reply, Failure> {
    let post = post_ref(answered)
        .ok_or_else(|| Failure::new(ErrorClass::ContentInvalid, "what is answered is no post on bluesky"))?;
    let repo = match post.repo {
        did if is_did(did) => did.to_owned(),
        handle => account_of(server, handle).await?,
    };
    let params = [("repo", repo.as_str()), ("collection", COLLECTION), ("rkey", post.rkey)];
    let answer = server.query(GET_RECORD, &params).await;
    if answer.as_ref().is_ok_and(|answer| is_error(answer, 400, "RecordNotFound")) {
        return Err(missing("the post that is answered does not exist"));
    }
    let got: Got = read(Phase::Prepare, answer)?;
    let uri = format!("at://{repo}/{COLLECTION}/{}", post.rkey);
    let parent = Named::of(&got.uri, &got.cid).filter(|named| named.uri == uri).ok_or_else(|| {
        let message = "the server answered with another record than the one that is answered";
        Failure { status: Some(200), ..Failure::new(ErrorClass::Transient, message) }
    })?;
    Ok(Reply { root: root_of(&got.value).unwrap_or_else(|| parent.clone()), parent })
}

/// The first post of the thread, where the record names one.
fn root_of(record: &Value) -> Option<Named> {
    let root = &record["reply"]["root"];
    Named::of(root["uri"].as_str()?, root["cid"].as_str()?)
}

async fn account_of(server: &Xrpc<'_>, handle: &str) -> Result<String, Failure> {
    if !is_handle(handle) {
        return Err(missing("the post that is answered names no account"));
    }
    match server.query(RESOLVE_HANDLE, &[("handle", handle)]).await {
        Ok(answer) if answer.status == 400 => match failure(Phase::Prepare, &answer, SystemTime::now()) {
            failure if failure.class == ErrorClass::ContentInvalid => {
                Err(missing("there is no account of the name that the answered post has"))
            }
            failure => Err(failure),
        },
        answer => match read::<Resolved>(Phase::Prepare, answer)?.did {
            did if is_did(&did) => Ok(did),
            _ => Err(missing("there is no account of the name that the answered post has")),
        },
    }
}

fn missing(message: &str) -> Failure {
    Failure::new(ErrorClass::TargetMissing, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_of_a_thread_is_taken_from_the_post_that_is_answered() {
        let root = json!({ "uri": "at://did:plc:b/app.bsky.feed.post/3k", "cid": "bafy" });
        let named = root_of(&json!({ "reply": { "root": root, "parent": {} } }));
        assert_eq!(named.map(|named| json!(named)), Some(root));
        for odd in [
            json!({}),
            json!({ "reply": { "root": { "uri": "at://did:plc:b/app.bsky.feed.post/3k" } } }),
            json!({ "reply": { "root": { "uri": "https://bsky.app/profile/a.test/post/3k", "cid": "bafy" } } }),
            json!({ "reply": { "root": { "uri": "at://did:plc:b/app.bsky.feed.post/3k", "cid": "ba fy" } } }),
        ] {
            assert_eq!(root_of(&odd), None, "{odd}");
        }
    }
}
