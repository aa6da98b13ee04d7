//! The provider, led through what it does against a server with a script.

mod garbage;
mod photos;
mod requests;
mod video;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;
use crate::providers::sought;
use crate::providers::told::{Script, Told};

const PUBLISH: &str = "v_pub_file~v2-1.7";
const POST: &str = "7123456789012345678";
const PUT: &str = "PUT /upload/?upload_id=1";

/// Chunks of 16 bytes, and no time to wait.
fn provider() -> TikTok {
    let app = App { client_id: "app".into(), client_secret: Some("secret".into()) };
    let made = TikTok::new(Client::new().unwrap(), Fetcher::new().unwrap(), Some(app));
    let (moment, short) = (Duration::from_millis(1), Duration::from_millis(40));
    let waits = Waits {
        first_pause: moment,
        longest_pause: moment * 4,
        id_pauses: [moment; 2],
        video: short,
        photos: short,
        look: short,
    };
    TikTok { sizes: Sizes(16), waits, ..made }
}

fn caller(script: &Script) -> Caller {
    script.caller("open-id", "alice")
}

/// A video with so many bytes.
fn film(bytes: usize) -> Value {
    let mut film = b"\0\0\0\x20ftypisom".to_vec();
    film.resize(bytes, 7);
    json!([{ "url": format!("data:video/mp4;base64,{}", STANDARD.encode(film)) }])
}

fn post_of(media: Value, settings: Value) -> Post {
    Post { content: "About it".into(), media, settings, attempt: 1, reply_to: None }
}

/// A post of a video with so many bytes that nobody but its owner sees.
fn post(bytes: usize) -> Post {
    post_of(film(bytes), json!({ "privacy_level": "SELF_ONLY" }))
}

fn ok(data: Value) -> Told {
    Told::new(200, json!({ "data": data, "error": { "code": "ok", "message": "", "log_id": "1" } }))
}

fn refused(status: u16, code: &str) -> Told {
    Told::new(status, json!({ "data": {}, "error": { "code": code, "message": "No.", "log_id": "1" } }))
}

fn creator() -> Told {
    ok(json!({
        "creator_username": "alice",
        "creator_nickname": "Alice",
        "privacy_level_options": ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"],
        "comment_disabled": false,
        "duet_disabled": false,
        "stitch_disabled": true,
        "max_video_post_duration_sec": 60,
    }))
}

fn opened() -> Told {
    ok(json!({ "publish_id": PUBLISH, "upload_url": "SERVER/upload/?upload_id=1" }))
}

fn chunk(status: u16) -> Told {
    Told::new(status, Value::Null)
}

fn status(status: &str, more: Value) -> Told {
    let mut data = json!({ "status": status, "uploaded_bytes": 0, "publicaly_available_post_id": [] });
    for (name, value) in more.as_object().unwrap() {
        data[name] = value.clone();
    }
    ok(data)
}

fn uploading(bytes: usize) -> Told {
    status("PROCESSING_UPLOAD", json!({ "uploaded_bytes": bytes }))
}

fn complete() -> Told {
    // a number of 19 digits, as TikTok writes it
    status("PUBLISH_COMPLETE", json!({ "publicaly_available_post_id": [7_123_456_789_012_345_678_u64] }))
}

/// Prepares to the end.
async fn prepare(provider: &TikTok, caller: &Caller, post: &Post) -> Result<Value, Failure> {
    let mut prepared = Value::Null;
    while let Some(more) = provider.prepare(caller, post, &prepared).await? {
        prepared = more;
    }
    Ok(prepared)
}

/// What is frozen of a video of 20 bytes of which nothing is sent.
fn frozen(script: &Script, post: &Post) -> Frozen {
    let film = STANDARD.decode(post.media[0]["url"].as_str().unwrap().split_once(',').unwrap().1).unwrap();
    let upload = json!({ "publish_id": PUBLISH, "address": format!("{}/upload/?upload_id=1", script.url), "mime_type": "video/mp4",
                         "total": 20, "sent": 0, "hash": super::prepare::hash(&film) });
    provider().draft(post, &json!({ "disabled": {}, "upload": upload })).unwrap()
}

async fn sent(told: Vec<Told>) -> Result<Published, Failure> {
    let script = Script::start(told).await;
    let post = post(20);
    provider().commit(&caller(&script), &post, &frozen(&script, &post)).await
}

async fn seen(told: Vec<Told>) -> Result<Found, Failure> {
    let script = Script::start(told).await;
    let (caller, frozen) = (caller(&script), frozen(&script, &post(20)));
    provider().look(&caller.account, Some(&caller.session), sought(&frozen)).await
}

fn there(id: &str, url: &str) -> Published {
    Published { external_id: id.into(), url: url.into(), cid: None }
}

#[tokio::test]
async fn tokens_of_another_account_are_refused() {
    let me = || ok(json!({ "user": { "open_id": "open-id" } }));
    for (handle, is_it) in [("alice", true), ("@ALICE", true), ("open-id", true), ("bob", false)] {
        let script = Script::start(vec![me(), creator()]).await;
        let login = provider().login(&script.url, handle, &"access:refresh".into()).await;
        assert_eq!(login.is_ok(), is_it, "{handle}");
    }
    let nobody = Script::start(vec![ok(json!({ "user": { "open_id": "a b" } })), creator()]).await;
    let failure = provider().login(&nobody.url, "alice", &"access".into()).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::Transient);
}

#[tokio::test]
async fn a_server_is_reached_that_refuses_nobody_in_particular() {
    for (told, is_it) in [
        (refused(401, "access_token_invalid"), true),
        (Told::new(401, json!("<html>")), false),
        (Told::new(200, json!({})), false),
    ] {
        let script = Script::start(vec![told]).await;
        assert_eq!(provider().reach(&script.url).await.is_ok(), is_it);
    }
}
