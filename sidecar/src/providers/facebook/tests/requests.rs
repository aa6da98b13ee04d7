//! Every request that is built, compared with `tests/fixtures/facebook/requests.json`.

use std::collections::BTreeMap;

use super::*;
use crate::providers::golden;

/// Publishes a post with these answers, looks for it, and gives what was asked.
async fn publishing(post: Post, answers: Vec<(u16, Value)>) -> Vec<String> {
    asked(answers, async |provider, caller| {
        let mut prepared = Value::Null;
        while let Some(more) = provider.prepare(caller, &post, &prepared).await? {
            prepared = more;
        }
        let frozen = provider.draft(&post, &prepared)?;
        provider.commit(caller, &bare(), &frozen).await?;
        let _ = provider.look(&caller.account, Some(&caller.session), sought(&frozen)).await;
        Ok(())
    })
    .await
}

async fn asked(
    answers: Vec<(u16, Value)>,
    call: impl AsyncFnOnce(&Facebook, &Caller) -> Result<(), Failure>,
) -> Vec<String> {
    let script = Script::start(answers).await;
    call(&provider(), &caller(&script)).await.unwrap();
    script.seen().into_iter().map(|line| line.replace(&script.url, "SERVER")).collect()
}

async fn all() -> BTreeMap<&'static str, Vec<String>> {
    let image =
        |n: &str, alt: &str| json!({ "url": format!("https://a.example/{n}.jpg?x=1&y=2"), "alt": alt });
    let id = |id: &str| (200, json!({ "id": id }));
    let done = || (200, json!({ "success": true, "post_id": "9" }));
    let address = || (200, json!({ "permalink_url": "https://www.facebook.com/acme/posts/2" }));
    let me = (200, json!({ "id": "17841", "name": "Acme", "category": "Shop" }));
    let link = json!({ "link": "https://a.example/b?c=d" });
    let answered = Post { reply_to: Some("17841_2".into()), ..post("thanks & bye", json!([]), json!({})) };
    let feed_video = Post { content: "Hello & bye".into(), ..video("feed") };
    let story = post("unseen", json!([image("a", "a desk")]), json!({ "placement": "story" }));
    let photos = post("hi", json!([image("a", "a desk"), image("b", "")]), json!({}));
    let uploaded = || state("complete", "not_started", "not_started");
    let begun = async |placement: &str| {
        let answers = vec![state("not_started", "", ""), (200, json!({ "success": true }))];
        let script = Script::start(answers).await;
        // the answer names the server that it comes from
        let (provider, caller) = (provider(), caller(&script));
        let upload_url = format!("{}/video-upload/5", script.url);
        let prepared = json!({ "video": { "id": "5", "made_at": 1_795_000_000, "upload_url": upload_url } });
        let more = provider.prepare(&caller, &video(placement), &prepared).await.unwrap().unwrap();
        assert_eq!(more["video"]["upload_url"], Value::Null);
        script.seen()
    };
    let at_meta = |ends: (u16, Value)| {
        let begun = json!({ "video_id": "5", "upload_url": "https://rupload.facebook.com/video-upload/5" });
        vec![(200, begun), uploaded(), uploaded(), done(), ends.clone(), ends]
    };
    BTreeMap::from([
        (
            "text",
            publishing(post("Hello #tag & more\n+1 é", json!([]), json!({})), vec![id("17841_2"), address()])
                .await,
        ),
        ("link", publishing(post("hi", json!([]), link), vec![id("17841_2"), address()]).await),
        ("photos", publishing(photos, vec![id("5"), id("6"), id("17841_2"), address()]).await),
        ("video", publishing(feed_video, vec![id("5"), whole(false), done(), whole(true)]).await),
        ("reel", publishing(video("reel"), at_meta(state("complete", "complete", "complete"))).await),
        ("photo_story", publishing(story, vec![id("5"), done()]).await),
        ("video_story", publishing(video("story"), at_meta(uploaded())).await),
        ("upload", begun("reel").await),
        ("comment", publishing(answered, vec![id("2_3"), address()]).await),
        (
            "login",
            asked(vec![me, list(json!([]))], async |provider, caller| {
                provider.login(&caller.account.base_url, "acme", &caller.session.access).await.map(drop)
            })
            .await,
        ),
        (
            "delete",
            asked(vec![done()], async |provider, caller| {
                provider.act(caller, &Act::Delete { post: "17841_2".into() }).await.map(drop)
            })
            .await,
        ),
        (
            "metrics",
            asked(vec![list(json!([])); 5], async |provider, caller| {
                provider.metrics(caller, "17841_2").await?;
                provider.metrics(caller, "5").await.map(drop)
            })
            .await,
        ),
    ])
}

#[tokio::test]
async fn requests_are_those_of_the_golden_file() {
    golden::check("facebook", &all().await);
}
