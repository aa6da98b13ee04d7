//! What a container can be made of, what it is refused for, and uploads.

use std::iter::repeat_n;

use crier_tests::sim::Sim;
use crier_tests::xrpc::Reply;
use reqwest::Method;
use serde_json::json;

use super::{Graph, IMAGE, TOKEN, id, refused, send, text};

const VIDEO: &str = "https://media.example/one.mp4";

/// Parameters, the code and subcode that they are refused with, and words of the refusal.
type Case<'a> = (&'a [(&'a str, &'a str)], (i64, i64), &'a str);

#[tokio::test]
async fn what_breaks_the_rules_is_refused_at_once() {
    let sim = Sim::start();
    let graph = Graph::on(&sim);
    graph.set(json!({"fetch_errors": {
        "https://media.example/away.jpg": 2207052, "https://media.example/wide": 2207009,
        "https://media.example/png": 2207005,
    }}));
    let long = "ü".repeat(2_201);
    let tags = repeat_n("#tag", 31).collect::<Vec<_>>().join(" ");
    let mentions = "@bob ".repeat(21);
    let cases: &[Case] = &[
        (&[("image_url", IMAGE), ("caption", &long)], (36004, 2207010), "2201 characters"),
        (&[("image_url", IMAGE), ("caption", &tags)], (36004, 2207010), "31 hashtags"),
        (&[("image_url", IMAGE), ("caption", &mentions)], (36004, 2207010), "21 @ tags"),
        (&[("image_url", "https://media.example/one.png?x=.jpg")], (36001, 2207005), "format png"),
        (&[("image_url", "https://media.example/png")], (36001, 2207005), "format"),
        (
            &[("image_url", "https://media.example/away.jpg")],
            (9004, 2207052),
            "https://media.example/away.jpg",
        ),
        (&[("image_url", "https://media.example/wide")], (36003, 2207009), "aspect ratio"),
        (&[("image_url", "http://media.example/one.jpg")], (9004, 2207052), "http://media.example/one.jpg"),
        (&[("image_url", IMAGE), ("media_type", "GIF")], (100, 2207023), "type GIF"),
        (&[("image_url", IMAGE), ("media_type", "REELS")], (100, 2207023), "type REELS"),
        (&[("video_url", VIDEO), ("media_type", "VIDEO")], (100, 2207067), "REELS"),
        (&[("video_url", VIDEO), ("media_type", "REELS"), ("thumb_offset", "-1")], (1, 2207057), "Thumbnail"),
        (&[("media_type", "CAROUSEL"), ("children", "1")], (100, 2207028), "at least 2"),
        (&[("media_type", "CAROUSEL"), ("children", "1,2")], (24, 2207006), "1"),
        (&[("media_type", "CAROUSEL")], (100, 0), "children"),
        (&[("caption", "nothing to see")], (100, 0), "image_url"),
        (&[("image_url", IMAGE), ("video_url", VIDEO)], (100, 0), "One of"),
        (&[("media_type", "REELS"), ("upload_type", "resumable")], (100, 0), "Facebook Login"),
    ];
    for (parameters, (code, subcode), words) in cases {
        let reply = graph.create(parameters).await;
        assert_eq!(refused(&reply), (400, *code, *subcode), "{parameters:?}");
        assert!(reply.body.to_string().contains(words), "expected {words:?} in {reply:?}");
    }
    let longest = format!("{} {}", "#t ".repeat(30), "ü".repeat(2_109));
    graph.create(&[("image_url", IMAGE), ("caption", &longest)]).await.ok();
    graph.create(&[("image_url", "https://media.example/1?size=l.png")]).await.ok();
    assert_eq!(sim.ledger().len(), 0);
}

#[tokio::test]
async fn a_carousel_is_made_of_finished_children() {
    let sim = Sim::start();
    let graph = Graph::on(&sim);
    let image = [("image_url", IMAGE), ("is_carousel_item", "true"), ("alt_text", "a boat")];
    let video = [("video_url", VIDEO), ("media_type", "VIDEO"), ("is_carousel_item", "true")];
    let children = [id(&graph.create(&image).await.ok()), id(&graph.create(&video).await.ok())];
    let parameters = |children: &[String]| children.join(",");
    let carousel = async |children: &str| {
        graph.create(&[("media_type", "CAROUSEL"), ("children", children), ("caption", "two")]).await
    };
    graph.set(json!({"processing_seconds": 3600}));
    assert_eq!(refused(&carousel(&parameters(&children)).await), (400, 9007, 2207027));
    graph.set(json!({"processing_seconds": 0}));
    assert_eq!(refused(&carousel(&[children[0].as_str(); 11].join(",")).await), (400, 100, 2207028));
    let single = graph.container("no child").await;
    assert_eq!(refused(&carousel(&format!("{single},{}", children[0])).await), (400, 24, 2207006));
    assert_eq!(refused(&graph.publish(&children[0]).await), (400, 100, 0), "a child is nothing by itself");

    let made = id(&carousel(&parameters(&children)).await.ok());
    let medium = id(&graph.publish(&made).await.ok());
    let found = graph.get(&medium, &[("fields", "media_type")]).await.ok();
    assert_eq!(found, json!({"id": medium, "media_type": "CAROUSEL_ALBUM"}));
    let entry = sim.ledger().pop().expect("an entry");
    let files: Vec<_> = entry.images.iter().map(|file| (&*file.cid, &*file.alt, &*file.mime_type)).collect();
    assert_eq!(files, [(IMAGE, "a boat", "image/jpeg"), (VIDEO, "", "video/mp4")]);
    assert_eq!(graph.captions().await, ["two"], "the children are not posts");
}

#[tokio::test]
async fn processing_can_fail_and_containers_expire() {
    let sim = Sim::start();
    let graph = Graph::on(&sim);
    graph.set(json!({"fetch_errors": {VIDEO: 2207053}, "processing_seconds": 3600}));
    let reel = |address| [("video_url", address), ("media_type", "REELS"), ("share_to_feed", "true")];
    let failing = id(&graph.create(&reel(VIDEO)).await.ok());
    let wrong = id(&graph.create(&reel("https://media.example/one.avi")).await.ok());
    assert_eq!(graph.status(&failing).await, "IN_PROGRESS");
    graph.set(json!({"processing_seconds": 0}));
    for (container, code) in [(&failing, "2207053"), (&wrong, "2207026")] {
        let status = graph.get(container, &[("fields", "status_code,status")]).await.ok();
        assert_eq!(status["status_code"], "ERROR");
        assert!(text(&status["status"]).ends_with(code), "{status}");
        assert_eq!(refused(&graph.publish(container).await), (400, 9007, 2207027));
    }
    let good = graph.container("late").await;
    let published = graph.container("in time").await;
    graph.publish(&published).await.ok();
    graph.set(json!({"container_seconds": 0}));
    assert_eq!(graph.status(&good).await, "EXPIRED");
    assert_eq!(graph.status(&published).await, "PUBLISHED");
    assert_eq!(refused(&graph.publish(&good).await), (400, -2, 2207020));
    assert_eq!(refused(&graph.publish("17889999999999999").await), (400, 24, 2207008));
    assert_eq!(sim.ledger().len(), 1);
}

#[tokio::test]
async fn an_upload_goes_on_where_it_broke_off() {
    let sim = Sim::start();
    let graph = Graph::on(&sim);
    graph.set(json!({"login": "facebook"}));
    let made = graph
        .create(&[("media_type", "REELS"), ("upload_type", "resumable"), ("caption", "a reel")])
        .await
        .ok();
    let container = id(&made);
    assert_eq!(made["uri"], format!("{}/ig-api-upload/v26.0/{container}", sim.url_of("instagram")));
    let path = format!("ig-api-upload/v26.0/{container}");
    let upload = async |token: &str, offset: usize, bytes: &[u8]| {
        let request = graph.request(Method::POST, &path).header("authorization", format!("OAuth {token}"));
        send(request.header("offset", offset).header("file_size", 10).body(bytes.to_vec())).await
    };
    let kind = |reply: &Reply| (reply.status, text(&reply.body["debug_info"]["type"]));
    let offset = async || {
        send(graph.request(Method::GET, &path).header("authorization", format!("OAuth {TOKEN}"))).await.ok()
    };
    assert_eq!(kind(&upload("unknown", 0, b"01234").await), (400, "NotAuthorizedError".into()));
    assert_eq!(kind(&upload(TOKEN, 0, b"01234").await), (400, "PartialRequestError".into()));
    assert_eq!(offset().await, json!({"offset": 5}));
    assert_eq!(kind(&upload(TOKEN, 0, b"0123456789").await), (400, "OffsetInvalidError".into()));
    assert_eq!(kind(&upload(TOKEN, 5, b"56789x").await), (400, "ProcessingFailedError".into()));
    assert_eq!(graph.status(&container).await, "IN_PROGRESS", "not all of it is there");
    let done = upload(TOKEN, 5, b"56789").await.ok();
    assert_eq!(done, json!({"success": true, "message": "Upload successful."}));
    assert_eq!(offset().await, json!({"offset": 10}));
    assert_eq!(kind(&upload(TOKEN, 10, b"").await), (400, "OffsetInvalidError".into()));
    assert_eq!(graph.status(&container).await, "FINISHED");

    graph.publish(&container).await.ok();
    let entry = sim.ledger().pop().expect("an entry");
    assert!(entry.uri.contains("/reel/"), "{}", entry.uri);
    let file = &entry.images[0];
    let expected = crier_tests::sim::bluesky::cid::of_bytes(b"0123456789");
    assert_eq!((&file.cid, &*file.mime_type, file.size), (&expected, "video/mp4", 10));
    assert_eq!(sim.calls("upload"), 8);
}
