//! The record: written once, sent under its key, looked up by its key.

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use crier_core::platform::bluesky;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::classify::is_error;
use super::facets::facets;
use super::prepare;
use super::syntax::{is_cid, is_handle};
use super::xrpc::{As, Xrpc, read};
use crate::client::CallError;
use crate::providers::answer::{Phase, unclear};
use crate::providers::{Account, Caller, Failure, Found, Frozen, Post, Published};

pub(super) const COLLECTION: &str = "app.bsky.feed.post";
pub(super) const PUT_RECORD: &str = "com.atproto.repo.putRecord";
pub(super) const GET_RECORD: &str = "com.atproto.repo.getRecord";

/// Writes the record down.
pub(super) fn draft(post: &Post, prepared: &Value, key: String, now: SystemTime) -> Result<Frozen, Failure> {
    let prepared = prepare::parse(prepared);
    let mut record = json!({
        "$type": COLLECTION,
        "text": post.content,
        "createdAt": humantime::format_rfc3339_millis(now).to_string(),
    });
    let facets = facets(&post.content, &prepared.mentions);
    if !facets.is_empty() {
        record["facets"] = facets.into();
    }
    if let Some(reply) = &prepared.reply {
        record["reply"] = json!(reply);
    }
    if !prepared.images.is_empty() {
        record["embed"] = json!({ "$type": "app.bsky.embed.images", "images": prepared.images });
    }
    if let Some(video) = &prepared.video {
        record["embed"] = video.embed(post)?;
    }
    let wrong = |why| Failure::new(ErrorClass::ContentInvalid, format!("the settings for bluesky {why}"));
    let settings = bluesky::settings(&post.settings).map_err(wrong)?;
    if !settings.langs.is_empty() {
        record["langs"] = settings.langs.into();
    }
    Ok(Frozen { key, request: record.to_string() })
}

/// `swapRecord: null` means: only if nothing is there. The record goes out as the bytes that were stored.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PutRecord<'a> {
    repo: &'a str,
    collection: &'a str,
    rkey: &'a str,
    record: &'a RawValue,
    swap_record: Option<&'a str>,
}

#[derive(Deserialize)]
struct Put {
    uri: String,
    cid: String,
}

/// Sends the record under its key.
pub(super) async fn commit(
    server: &Xrpc<'_>,
    caller: &Caller,
    frozen: &Frozen,
) -> Result<Published, Failure> {
    let body = body(&caller.account, frozen)?;
    let answer =
        server.procedure(PUT_RECORD, As::Account(&caller.session), Some(("application/json", body))).await;
    let put: Put = read(Phase::Commit, answer)?;
    published(&caller.account, frozen, put.uri, put.cid).ok_or_else(|| {
        let message = "the server answered with the address of another record";
        Failure { status: Some(200), ..Failure::new(ErrorClass::OutcomeUnknown, message) }
    })
}

fn body(account: &Account, frozen: &Frozen) -> Result<Vec<u8>, Failure> {
    let unreadable = |_| Failure::new(ErrorClass::Config, "the stored record is not JSON");
    let record: &RawValue = serde_json::from_str(&frozen.request).map_err(unreadable)?;
    serde_json::to_vec(&PutRecord {
        repo: &account.external_id,
        collection: COLLECTION,
        rkey: &frozen.key,
        record,
        swap_record: None,
    })
    .map_err(unreadable)
}

#[derive(Deserialize)]
struct Got {
    uri: String,
    #[serde(default)]
    cid: Option<String>,
    value: Value,
}

/// Looks what is at the key.
pub(super) async fn look(server: &Xrpc<'_>, account: &Account, frozen: &Frozen) -> Result<Found, Failure> {
    let params = [("repo", account.external_id.as_str()), ("collection", COLLECTION), ("rkey", &frozen.key)];
    let answer = server.query(GET_RECORD, &params).await;
    if answer.as_ref().is_ok_and(|answer| is_error(answer, 400, "RecordNotFound")) {
        return Ok(Found::Absent);
    }
    judge(account, frozen, read(Phase::Read, answer)?)
}

/// The same content is our post, whoever's answer was lost: the key is ours alone.
fn judge(account: &Account, frozen: &Frozen, got: Got) -> Result<Found, Failure> {
    let ours: Value = serde_json::from_str(&frozen.request)
        .map_err(|_| Failure::new(ErrorClass::Config, "the stored record is not JSON"))?;
    if got.value != ours {
        return Ok(Found::Other);
    }
    published(account, frozen, got.uri, got.cid.unwrap_or_default()).map(Found::Same).ok_or_else(|| {
        let error = CallError::Unclear("the server answered with another record".into());
        unclear(Phase::Read, &error)
    })
}

fn published(account: &Account, frozen: &Frozen, uri: String, cid: String) -> Option<Published> {
    let expected = format!("at://{}/{COLLECTION}/{}", account.external_id, frozen.key);
    (uri == expected).then(|| Published {
        external_id: uri,
        url: format!("https://bsky.app/profile/{}/post/{}", profile(account), frozen.key),
        cid: is_cid(&cid).then_some(cid),
    })
}

/// The handle, or the id of an account whose handle is lost or never was one.
fn profile(account: &Account) -> &str {
    let lost = account.handle.eq_ignore_ascii_case("handle.invalid");
    if is_handle(&account.handle) && !lost { &account.handle } else { &account.external_id }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};
    use uuid::Uuid;

    fn post(content: &str, settings: Value) -> Post {
        Post { content: content.into(), media: json!([]), settings, attempt: 1, reply_to: None }
    }

    fn account() -> Account {
        Account {
            id: Uuid::nil(),
            external_id: "did:plc:a".into(),
            handle: "a.test".into(),
            base_url: "https://pds.example".into(),
            charges: Default::default(),
        }
    }

    #[test]
    fn an_address_needs_a_handle_that_is_one() {
        for (handle, name) in [
            ("b.test", "b.test"),
            ("handle.invalid", "did:plc:a"),
            ("", "did:plc:a"),
            ("a.test/../b", "did:plc:a"),
        ] {
            let account = Account { handle: handle.into(), ..account() };
            assert_eq!(profile(&account), name, "{handle}");
        }
    }

    #[test]
    fn a_hash_that_can_not_be_stored_is_left_out() {
        let frozen = Frozen { key: "k".into(), request: String::new() };
        let cid = |cid: &str| {
            let uri = "at://did:plc:a/app.bsky.feed.post/k".into();
            published(&account(), &frozen, uri, cid.into()).unwrap().cid
        };
        assert_eq!(cid("bafy"), Some("bafy".into()));
        assert_eq!(cid("ba\0fy"), None);
    }

    fn drafted(post: &Post, prepared: &Value) -> Result<Frozen, Failure> {
        draft(post, prepared, "3jzfcijpj2z2a".into(), UNIX_EPOCH + Duration::from_millis(1_795_000_000_123))
    }

    #[test]
    fn the_record_says_what_was_asked() {
        let image =
            json!({ "image": { "$type": "blob" }, "alt": "x", "aspectRatio": { "width": 3, "height": 2 } });
        let prepared = json!({ "images": [image] });
        let frozen = drafted(&post("hi #tag", json!({ "langs": ["en", "pt-BR"] })), &prepared).unwrap();
        let record: Value = serde_json::from_str(&frozen.request).unwrap();
        assert_eq!(
            record,
            json!({
                "$type": "app.bsky.feed.post",
                "text": "hi #tag",
                "createdAt": "2026-11-18T11:06:40.123Z",
                "facets": [{
                    "index": { "byteStart": 3, "byteEnd": 7 },
                    "features": [{ "$type": "app.bsky.richtext.facet#tag", "tag": "tag" }],
                }],
                "embed": { "$type": "app.bsky.embed.images", "images": [image] },
                "langs": ["en", "pt-BR"],
            })
        );
    }

    #[test]
    fn a_record_that_answers_names_the_post_and_the_first_of_its_thread() {
        let of =
            |key: &str| json!({ "uri": format!("at://did:plc:b/app.bsky.feed.post/{key}"), "cid": "bafy" });
        let reply = json!({ "root": of("3k"), "parent": of("3l") });
        let frozen = drafted(&post("hi", json!({})), &json!({ "reply": reply })).unwrap();
        let record: Value = serde_json::from_str(&frozen.request).unwrap();
        assert_eq!(record["reply"], reply);
        // the same text as an answer to another post is another record
        let other =
            drafted(&post("hi", json!({})), &json!({ "reply": { "root": of("3k"), "parent": of("3m") } }));
        let got = Got { uri: "at://did:plc:a/app.bsky.feed.post/k".into(), cid: None, value: record };
        assert_eq!(judge(&account(), &other.unwrap(), got), Ok(Found::Other));
    }

    #[test]
    fn what_is_not_there_is_left_out() {
        let frozen = drafted(&post("hi", json!({})), &Value::Null).unwrap();
        let record: Value = serde_json::from_str(&frozen.request).unwrap();
        assert_eq!(record.as_object().unwrap().len(), 3);
        for langs in [json!("en"), json!(["en", "de", "fr", "it"]), json!([""]), json!(["e n"]), json!([1])] {
            let failure = drafted(&post("hi", json!({ "langs": langs })), &Value::Null).unwrap_err();
            assert_eq!(failure.class, ErrorClass::ContentInvalid);
        }
    }

    #[test]
    fn the_stored_bytes_are_what_is_sent() {
        // Neither the order of the keys nor the spaces are ours.
        let frozen = Frozen { key: "k".into(), request: r#"{"z": 1,  "a": 1.0}"#.into() };
        let body = String::from_utf8(body(&account(), &frozen).unwrap()).unwrap();
        assert_eq!(
            body,
            r#"{"repo":"did:plc:a","collection":"app.bsky.feed.post","rkey":"k","record":{"z": 1,  "a": 1.0},"swapRecord":null}"#
        );
    }

    #[test]
    fn a_look_compares_content_and_address() {
        let frozen = Frozen { key: "k".into(), request: r#"{"text":"a","$type":"t"}"#.into() };
        let uri = "at://did:plc:a/app.bsky.feed.post/k".to_owned();
        let got = |uri: &str, value| Got { uri: uri.into(), cid: Some("c".into()), value };
        let same = json!({ "$type": "t", "text": "a" });
        let Ok(Found::Same(published)) = judge(&account(), &frozen, got(&uri, same.clone())) else {
            panic!("not found")
        };
        assert_eq!(published.url, "https://bsky.app/profile/a.test/post/k");
        assert_eq!(published.external_id, uri);
        let other = judge(&account(), &frozen, got(&uri, json!({ "text": "b" })));
        assert_eq!(other, Ok(Found::Other));
        assert!(judge(&account(), &frozen, got("at://did:plc:b/app.bsky.feed.post/k", same)).is_err());
    }
}
