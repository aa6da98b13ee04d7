//! What can be done before a note exists: ask the server what it accepts, find what is answered, upload files.
//!
//! One piece at a time, so that what is done is kept when the next piece fails. A file is uploaded as a new one always: then no
//! other note shows it.

use crier_core::error_class::ErrorClass;
use crier_core::media::Attachment;
use crier_core::platform::misskey::{self, NoteRef, PLATFORM, is_id, note_ref};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::api::{Api, read};
use crate::media::Fetcher;
use crate::providers::answer::{Fields, Phase, in_time};
use crate::providers::form_file::{Cut, form_file};
use crate::providers::{Failure, Post};

/// What was prepared so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Prepared {
    /// The server was asked what it accepts.
    is_asked: bool,
    /// The note that is answered, as the account's server calls it.
    pub(super) reply: Option<String>,
    /// The files, in the order of the media.
    pub(super) files: Vec<String>,
}

/// What another version stored differently is prepared again.
pub(super) fn parse(prepared: &Value) -> Prepared {
    Prepared::deserialize(prepared).unwrap_or_default()
}

/// Does the next piece; `None` when there is none.
pub(super) async fn step(
    api: &Api<'_>,
    fetcher: &Fetcher,
    post: &Post,
    prepared: &Value,
) -> Result<Option<Value>, Failure> {
    let mut prepared = parse(prepared);
    let media = post.attachments()?;
    if !prepared.is_asked {
        check_text(post, &api.meta().await.map_err(again)?)?;
        prepared.is_asked = true;
    } else if let (Some(answered), None) = (&post.reply_to, &prepared.reply) {
        prepared.reply = Some(find(api, answered).await?);
    } else if let Some(one) = media.get(prepared.files.len()) {
        let place = (prepared.files.len() + 1, one);
        prepared.files.push(in_time(upload(api, fetcher, post, place)).await?);
    } else {
        return Ok(None);
    }
    Ok(Some(json!(prepared)))
}

/// A server that answered before is not another kind of server by now.
fn again(failure: Failure) -> Failure {
    match failure.class {
        ErrorClass::RateLimited | ErrorClass::Config => failure,
        _ => Failure { class: ErrorClass::Transient, ..failure },
    }
}

/// A server may accept less than Misskey as it comes.
fn check_text(post: &Post, limit: &Value) -> Result<(), Failure> {
    let found = PLATFORM.text.count.count(&post.content);
    match limit.as_u64() {
        Some(limit) if limit > 0 && found as u64 > limit => {
            let message =
                format!("the text has {found} characters; the account's server accepts at most {limit}");
            Err(Failure::new(ErrorClass::ContentInvalid, message))
        }
        _ => Ok(()),
    }
}

#[derive(Deserialize)]
struct Made {
    id: String,
}

async fn upload(
    api: &Api<'_>,
    fetcher: &Fetcher,
    post: &Post,
    (index, one): (usize, &Attachment),
) -> Result<String, Failure> {
    let sensitive = misskey::settings(&post.settings).is_ok_and(|settings| settings.sensitive);
    let file = form_file(fetcher, &PLATFORM, (index, one), "media", &Cut::default(), |_, _| Ok(())).await?;
    let mut fields = vec![("force", "true".to_owned()), ("isSensitive", sensitive.to_string())];
    if !one.alt.trim().is_empty() {
        fields.push(("comment", one.alt.clone()));
    }
    let Fields(Made { id }) = read(Phase::Prepare, api.upload(fields, file).await)?;
    Some(id).filter(|id| is_id(id)).ok_or_else(|| unreadable("file"))
}

#[derive(Deserialize)]
struct Shown {
    #[serde(rename = "type")]
    kind: String,
    object: Made,
}

/// An id stands for itself, and so does the end of an address of the server. For a note elsewhere the server is asked, which
/// fetches it.
async fn find(api: &Api<'_>, answered: &str) -> Result<String, Failure> {
    let address = match note_ref(answered) {
        Some(NoteRef::Id(id)) => return Ok(id.to_owned()),
        Some(NoteRef::Address(address)) => address,
        None => {
            return Err(Failure::new(ErrorClass::ContentInvalid, "what is answered is no note on misskey"));
        }
    };
    if let Some(id) = own_id(api.base_url, address) {
        return Ok(id);
    }
    let answer = api.call("ap/show", &json!({ "uri": address })).await;
    let Fields(Shown { kind, object }) = read(Phase::Prepare, answer)?;
    match kind.as_str() {
        "Note" if is_id(&object.id) => Ok(object.id),
        "Note" => Err(unreadable("note")),
        _ => {
            Err(Failure::new(ErrorClass::TargetMissing, "the address that is answered is not that of a note"))
        }
    }
}

/// The id at the end of an address of the account's own server.
fn own_id(base_url: &str, address: &str) -> Option<String> {
    let (base, address) = (Url::parse(base_url).ok()?, Url::parse(address).ok()?);
    let mut segments = address.path_segments()?.rev();
    let (id, before) = (segments.next()?, segments.next()?);
    (base.origin() == address.origin() && before == "notes" && is_id(id)).then(|| id.to_owned())
}

fn unreadable(what: &str) -> Failure {
    Failure::new(ErrorClass::Transient, format!("the server's answer names no {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_back() {
        let prepared = Prepared { is_asked: true, reply: Some("7".into()), files: vec!["f".into()] };
        assert_eq!(parse(&json!(prepared)), prepared);
        for odd in [Value::Null, json!([1]), json!({ "files": [7] })] {
            assert_eq!(parse(&odd), Prepared::default(), "{odd}");
        }
    }

    #[test]
    fn an_address_of_the_own_server_ends_with_the_id() {
        let id = |address: &str| own_id("https://a.example/misskey", address);
        assert_eq!(id("https://a.example/notes/9zj"), Some("9zj".into()));
        for other in [
            "https://b.example/notes/9zj",
            "https://a.example/@bob/9zj",
            "https://a.example/notes/",
            "http://a.example/notes/9zj",
        ] {
            assert_eq!(id(other), None, "{other}");
        }
    }
}
