//! Media: segments, processing, and what a tweet may carry.

use crier_tests::images::png;
use crier_tests::sim::bluesky::cid;
use hyper::Method;
use serde_json::{Value, json};

use super::{Answer, Api, send, text};

/// Enough of a film for the simulator.
const FILM: &[u8] = b"\0\0\0\x18ftypmp42 and so on";
const GIF: &[u8] = b"GIF89a\x01\0\x01\0\0\0\0";

impl Api {
    pub(super) async fn initialize(&self, media_type: &str, category: &str, total: usize) -> Answer {
        let input = json!({"media_type": media_type, "media_category": category, "total_bytes": total});
        self.post("2/media/upload/initialize", &input).await
    }

    async fn append(&self, id: &str, segment: &str, bytes: &[u8]) -> Answer {
        let mut body = Vec::new();
        for (name, value) in [("segment_index\"", segment.as_bytes()), ("media\"; filename=\"blob\"", bytes)]
        {
            let head = format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\r\n\r\n");
            body.extend([head.as_bytes(), value, b"\r\n"].concat());
        }
        body.extend(b"--edge--\r\n");
        let request = self.request(Method::POST, &format!("2/media/upload/{id}/append"));
        let request = request.header("content-type", "multipart/form-data; boundary=edge");
        send(request.bearer_auth(&self.access).body(body)).await
    }

    async fn finalize(&self, id: &str) -> Answer {
        self.post(&format!("2/media/upload/{id}/finalize"), &Value::Null).await
    }

    async fn status(&self, id: &str) -> Answer {
        self.get(&format!("2/media/upload?command=STATUS&media_id={id}")).await
    }

    /// Uploads and gives the id.
    pub(super) async fn upload(&self, media_type: &str, category: &str, bytes: &[u8]) -> String {
        let opened = self.initialize(media_type, category, bytes.len()).await.ok();
        let id = text(&opened["data"]["id"]).to_owned();
        self.append(&id, "0", bytes).await.ok();
        self.finalize(&id).await.ok();
        id
    }

    async fn show(&self, media: &[&String]) -> Answer {
        self.tweet(json!({"text": "", "media": {"media_ids": media}})).await
    }
}

#[tokio::test]
async fn segments_come_in_any_order_and_twice() {
    let api = Api::new();
    let image = png(4, 3, [64, 128, 192]);
    let opened = api.initialize("image/png", "tweet_image", image.len()).await.ok()["data"].clone();
    let id = text(&opened["id"]).to_owned();
    assert_eq!(opened["media_key"], json!(format!("3_{id}")));
    let (first, second) = image.split_at(30);
    assert_eq!(api.status(&id).await.wrong().0, "media_id", "not finalized");
    api.append(&id, "1", second).await.ok();
    assert_eq!(api.finalize(&id).await.wrong().0, "id", "a segment is missing");
    api.append(&id, "0", b"something else").await.ok();
    let appended = api.append(&id, "0", first).await.ok();
    assert!(appended["data"]["expires_at"].as_u64().is_some(), "{appended}");
    let closed = api.finalize(&id).await.ok()["data"].clone();
    assert_eq!((closed.get("processing_info"), &closed["size"]), (None, &json!(image.len())));
    assert_eq!(api.finalize(&id).await.ok()["data"]["id"], json!(id), "finalizing again changes nothing");
    assert_eq!(api.append(&id, "2", b"more").await.wrong().0, "id");

    let alt = json!({"id": id, "metadata": {"alt_text": {"text": "colour"}}});
    let described = api.post("2/media/metadata", &alt).await.ok();
    assert_eq!(described["data"]["associated_metadata"]["alt_text"]["text"], "colour");
    api.show(&[&id]).await.ok();
    let shown = &api.sim.ledger()[0].images[0];
    assert_eq!((shown.alt.as_str(), shown.mime_type.as_str()), ("colour", "image/png"));
    assert_eq!((shown.cid.as_str(), shown.size), (cid::of_bytes(&image).as_str(), image.len() as u64));
    assert_eq!(api.show(&[&id]).await.wrong(), ("media.media_ids", "Your media IDs are invalid."), "used");
}

#[tokio::test]
async fn what_is_no_upload_is_refused() {
    let api = Api::new();
    for (media_type, category, total, parameter) in [
        ("image/png", "tweet_video", 10, "media_type"),
        ("text/plain", "tweet_image", 10, "media_type"),
        ("image/png", "nonsense", 10, "media_type"),
        ("image/png", "tweet_image", 0, "total_bytes"),
        ("image/png", "tweet_image", 5 * 1024 * 1024 + 1, "total_bytes"),
        ("image/gif", "tweet_gif", 15 * 1024 * 1024 + 1, "total_bytes"),
        ("video/mp4", "tweet_video", 512 * 1024 * 1024 + 1, "total_bytes"),
    ] {
        let answer = api.initialize(media_type, category, total).await;
        assert_eq!(answer.wrong().0, parameter, "{media_type} as {category}");
    }
    let opened = api.initialize("image/png", "tweet_image", 4).await.ok();
    let id = text(&opened["data"]["id"]);
    for (segment, bytes, parameter) in [
        ("x", b"x".as_slice(), "segment_index"),
        ("-1", b"x", "segment_index"),
        ("1000", b"x", "segment_index"),
        ("0", b"", "media"),
    ] {
        assert_eq!(api.append(id, segment, bytes).await.wrong().0, parameter, "{segment}");
    }
    let broken = api.post(&format!("2/media/upload/{id}/append"), &json!({})).await;
    assert_eq!(broken.wrong().0, "segment_index", "no multipart form");
    api.append(id, "0", b"text").await.ok();
    assert_eq!(api.finalize(id).await.wrong(), ("id", "media type unrecognized."));
    assert_eq!(api.finalize("1").await.refused(), (404, "Could not find media: [1]."));
    assert_eq!(api.status("1").await.status, 404);
    assert_eq!(api.get(&format!("2/media/upload?command=INIT&media_id={id}")).await.wrong().0, "command");
    let alt = json!({"id": id, "metadata": {"alt_text": {"text": "a".repeat(1_001)}}});
    assert_eq!(api.post("2/media/metadata", &alt).await.wrong().0, "metadata.alt_text.text");
    let thief = send(
        api.request(Method::POST, &format!("2/media/upload/{id}/finalize")).bearer_auth(api.add("carol")),
    );
    assert_eq!(thief.await.status, 404, "media of another account");
}

#[tokio::test]
async fn films_are_processed_first() {
    let api = Api::new();
    api.set(json!({"processing_seconds": 1_000, "check_after_seconds": 3}));
    let opened = api.initialize("video/mp4", "tweet_video", FILM.len()).await.ok();
    let id = text(&opened["data"]["id"]).to_owned();
    api.append(&id, "0", FILM).await.ok();
    let closed = api.finalize(&id).await.ok();
    assert_eq!(closed["data"]["processing_info"], json!({"state": "pending", "check_after_secs": 3}));
    let waits = json!({"state": "in_progress", "check_after_secs": 3, "progress_percent": 0});
    assert_eq!(api.status(&id).await.ok()["data"]["processing_info"], waits);
    assert_eq!(api.show(&[&id]).await.wrong().0, "media.media_ids", "not ready");
    api.set(json!({"processing_seconds": 0, "processing_fails": true}));
    let failed = api.status(&id).await.ok()["data"]["processing_info"].clone();
    assert_eq!((&failed["state"], &failed["error"]["name"]), (&json!("failed"), &json!("InvalidMedia")));
    assert_eq!(api.show(&[&id]).await.wrong().0, "media.media_ids");
    api.set(json!({"processing_fails": false}));
    assert_eq!(api.status(&id).await.ok()["data"]["processing_info"]["state"], "succeeded");
    api.show(&[&id]).await.ok();
    assert_eq!(api.sim.ledger()[0].images[0].mime_type, "video/mp4");

    let no_film = api.upload("video/mp4", "tweet_video", b"not a film at all").await;
    assert_eq!(api.status(&no_film).await.ok()["data"]["processing_info"]["state"], "failed");
    let image = api.upload("image/gif", "tweet_image", GIF).await;
    assert_eq!(api.status(&image).await.ok()["data"].get("processing_info"), None, "images need none");
}

#[tokio::test]
async fn a_tweet_carries_four_images_or_one_of_the_others() {
    let api = Api::new();
    let mut images = Vec::new();
    for shade in 0..5 {
        images.push(api.upload("image/png", "tweet_image", &png(4, 3, [shade; 3])).await);
    }
    let gif = api.upload("image/gif", "tweet_gif", GIF).await;
    let film = api.upload("video/mp4", "tweet_video", FILM).await;
    let all: Vec<&String> = images.iter().collect();
    for wrong in [&all[..], &[&gif, &film], &[&images[0], &gif], &[&images[0], &images[0]]] {
        assert_eq!(api.show(wrong).await.wrong().0, "media.media_ids", "{wrong:?}");
    }
    let poll = json!({"options": ["one", "two"], "duration_minutes": 5});
    let both = api.tweet(json!({"text": "x", "media": {"media_ids": [gif]}, "poll": poll})).await;
    assert_eq!(both.wrong(), ("poll", "poll and media are mutually exclusive."));
    for right in [&all[..4], &[&gif], &[&film]] {
        api.show(right).await.ok();
    }
    let counts: Vec<_> = api.sim.ledger().iter().map(|entry| entry.images.len()).collect();
    assert_eq!(counts, [4, 1, 1]);
}
