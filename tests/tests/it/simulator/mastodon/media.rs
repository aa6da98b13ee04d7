//! Media from upload to status.

use crier_tests::images::png;
use crier_tests::sim::Sim;
use crier_tests::wait::wait_until;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::{Api, FORM, send, set, text};

const NOT_READY: &str = "Cannot attach files that have not finished processing. Try again in a moment!";

async fn describe(api: &Api, id: &str, form: &str) -> super::Reply {
    let path = format!("api/v1/media/{id}");
    send(&path, api.request("PUT", &path).header(CONTENT_TYPE, FORM).body(form.to_owned())).await
}

fn with_media(ids: &[&Value]) -> Value {
    json!({"status": "x", "media_ids": ids})
}

#[tokio::test]
async fn an_image_is_uploaded_described_and_attached() {
    let sim = Sim::start();
    let (bob, eve) = (Api::on(&sim, "bob"), Api::on(&sim, "eve"));
    let image = png(4, 3, [64, 128, 192]);
    let media = bob.upload(&image, "colour").await.ok();
    assert_eq!((&media["type"], &media["description"]), (&json!("image"), &json!("colour")));
    assert_eq!(media["meta"]["original"]["size"], json!("4x3"));
    let id = text(&media["id"]);
    let path = format!("api/v1/media/{id}");
    assert_eq!(bob.get(&path).await.ok(), media);
    assert_eq!(eve.get(&path).await.refused(), (404, "Record not found"), "of somebody else");
    let described = describe(&bob, id, "description=a+%22colour%22&focus=0.5,-1").await.ok();
    assert_eq!(described["description"], json!("a \"colour\""));
    assert_eq!(described["meta"]["focus"], json!({"x": 0.5, "y": -1.0}));
    let long = describe(&bob, id, &format!("description={}", "x".repeat(1_501))).await;
    let expected = "Validation failed: Description is too long (maximum is 1500 characters)";
    assert_eq!(long.refused(), (422, expected));

    let publish = async || {
        let request = bob.request("POST", "api/v1/statuses").header("Idempotency-Key", "one");
        send("api/v1/statuses", request.json(&json!({"media_ids": [media["id"]]}))).await.ok()
    };
    let status = publish().await;
    assert_eq!(publish().await, status, "the key counts before the media, which is attached by now");
    assert_eq!((&status["content"], &status["media_attachments"]), (&json!(""), &json!([described])));
    let entry = sim.ledger().remove(0).images.remove(0);
    assert_eq!((entry.alt.as_str(), entry.cid.as_str()), ("a \"colour\"", id));
    assert_eq!((entry.mime_type.as_str(), entry.size), ("image/png", image.len() as u64));
    let file = crier_tests::http::get(text(&described["url"])).await.expect("the file");
    assert_eq!(file.bytes().await.expect("its bytes"), image);

    for gone in [bob.get(&path).await, describe(&bob, id, "description=x").await] {
        assert_eq!(gone.refused(), (404, "Record not found"), "attached");
    }
    let taken = format!("Media {id} not found or already attached to another post");
    assert_eq!(bob.publish(&with_media(&[&media["id"]])).await.refused(), (422, taken.as_str()));
    bob.delete(text(&status["id"])).await.ok();
    assert_eq!(bob.get(&path).await.status, 200, "free again, to be published anew");
    let again = bob.publish(&with_media(&[&media["id"]])).await.ok();
    let path = format!("api/v1/statuses/{}?delete_media=true", text(&again["id"]));
    send(&path, bob.request("DELETE", &path)).await.ok();
    assert_eq!(bob.publish(&with_media(&[&media["id"]])).await.refused(), (422, taken.as_str()));
}

#[tokio::test]
async fn processing_takes_its_time_and_may_fail() {
    let sim = Sim::start();
    let bob = Api::on(&sim, "bob");
    let image = png(4, 3, [0; 3]);
    set(&sim, json!({"processing_seconds": 3_600}));
    let slow = bob.upload(&image, "").await;
    assert_eq!((slow.status, &slow.body["url"]), (202, &Value::Null));
    let path = format!("api/v1/media/{}", text(&slow.body["id"]));
    let early = bob.get(&path).await;
    assert_eq!((early.status, &early.body["url"]), (206, &Value::Null));
    assert_eq!(describe(&bob, text(&slow.body["id"]), "description=x").await.status, 206);
    assert_eq!(bob.publish(&with_media(&[&slow.body["id"]])).await.refused(), (422, NOT_READY));
    set(&sim, json!({"processing_seconds": 0.05}));
    let quick = bob.upload(&image, "").await.body["id"].take();
    let path = format!("api/v1/media/{}", text(&quick));
    wait_until("what the media answers", 200, async || bob.get(&path).await.status).await;
    bob.publish(&with_media(&[&quick])).await.ok();

    set(&sim, json!({"processing_seconds": 0, "processing_fails": true}));
    let failing = bob.upload(&image, "").await;
    assert_eq!(failing.status, 202);
    let failed = bob.get(&format!("api/v1/media/{}", text(&failing.body["id"]))).await;
    assert_eq!(failed.refused(), (422, "Error processing thumbnail for uploaded media"));
    assert_eq!(bob.publish(&with_media(&[&failing.body["id"]])).await.refused(), (422, NOT_READY));
    set(&sim, json!({"processing_fails": false}));
    assert_eq!(bob.upload(&image, "").await.status, 200);
}

#[tokio::test]
async fn files_that_are_no_media_are_refused() {
    let sim = Sim::start();
    let bob = Api::on(&sim, "bob");
    let invalid = "Validation failed: File content type is invalid, File is invalid";
    assert_eq!(bob.upload(b"plain text", "").await.refused(), (422, invalid));
    let nothing = bob.post("api/v2/media", &json!({})).await;
    assert_eq!(nothing.refused(), (422, "Validation failed: File can't be blank"));
    let big = [png(4, 3, [0; 3]), vec![0; 16 * 1024 * 1024]].concat();
    let too_big = "Validation failed: File file size must be less than 16 MB, File must be less than 16 MB";
    assert_eq!(bob.upload(&big, "").await.refused(), (422, too_big));

    let image = bob.upload(&png(4, 3, [0; 3]), "").await.ok();
    let video = bob.upload(b"\0\0\0\x18ftypmp42", "").await.ok();
    assert_eq!(video["type"], json!("video"));
    let mixed = bob.publish(&with_media(&[&image["id"], &video["id"]])).await;
    let expected = "Cannot attach a video to a post that already contains images";
    assert_eq!(mixed.refused(), (422, expected));
    bob.publish(&with_media(&[&video["id"]])).await.ok();
    let poll = json!({"status": "x", "media_ids": [image["id"]], "poll": {"options": ["a", "b"], "expires_in": 300}});
    assert_eq!(bob.publish(&poll).await.refused(), (422, "Cannot attach more than 4 files"));
}
