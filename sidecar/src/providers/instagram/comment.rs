//! Comments: under any post that is named by its id, or one of the account's own by its address.

use crier_core::error_class::ErrorClass;
use crier_core::platform::instagram::{PostRef, post_ref};
use serde::Deserialize;
use serde_json::Value;

use super::page;
use crate::providers::answer::Phase;
use crate::providers::graph::comments::{Comments, found, is_known};
use crate::providers::graph::containers::{failure, read};
use crate::providers::graph::{Graph, is_id};
use crate::providers::{Account, Failure};

pub(super) static COMMENTS: Comments = Comments {
    fields: "id,text,timestamp,username",
    text: "text",
    time: "timestamp",
    more: &[],
    // The account may have another name by now.
    is_ours: |comment, account| {
        comment["username"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(&account.handle))
    },
    permalink: "permalink",
    page,
    judge: failure,
};

/// Finds out the id of the post, which is the one piece there is.
pub(super) async fn step(
    server: &Graph<'_>,
    account: &Account,
    answered: &str,
    prepared: &Value,
) -> Result<Option<Value>, Failure> {
    if is_known(prepared) {
        return Ok(None);
    }
    match post_ref(answered) {
        Some(PostRef::Id(id)) => Ok(Some(found(id))),
        Some(PostRef::Code(code)) => id_of(server, account, code).await.map(|id| Some(found(&id))),
        None => Err(Failure::new(ErrorClass::ContentInvalid, "what is commented is no post on instagram")),
    }
}

#[derive(Deserialize)]
struct Media {
    data: Vec<Medium>,
}

#[derive(Deserialize)]
struct Medium {
    id: String,
    #[serde(default)]
    permalink: String,
}

/// The id of a post of the account's own: there is no call that tells it for another's.
async fn id_of(server: &Graph<'_>, account: &Account, code: &str) -> Result<String, Failure> {
    let path = format!("{}/media", account.external_id);
    let query = [("fields", "id,permalink"), ("limit", "100")];
    let media: Media = read(Phase::Prepare, server.get(&path, &query).await)?;
    let is = |medium: &&Medium| {
        is_id(&medium.id)
            && matches!(post_ref(&medium.permalink), Some(PostRef::Code(known)) if known == code)
    };
    media.data.iter().find(is).map(|medium| medium.id.clone()).ok_or_else(|| {
        let message = "the post that is commented is not among the newest of the account; name it by its id";
        Failure::new(ErrorClass::TargetMissing, message)
    })
}
