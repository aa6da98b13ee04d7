//! Every request that is built, compared with `tests/fixtures/threads/requests.json`.

use std::collections::BTreeMap;

use super::*;
use crate::providers::golden;

/// Publishes a post and gives what was asked for it.
async fn publishing(post: Post) -> Vec<String> {
    let mut answers = vec![list(json!([]))];
    let many = post.media.as_array().map_or(0, Vec::len);
    let parts = if many > 1 { many } else { 0 };
    answers.extend((0..parts).map(|n| (200, json!({ "id": format!("{}", 10 + n) }))));
    answers.extend((0..parts).map(|_| state("FINISHED")));
    answers.extend([
        (200, json!({ "id": "1" })),
        state("FINISHED"),
        (200, json!({ "id": "2" })),
        (200, json!({})),
    ]);
    asked(answers, async |provider, caller| {
        let mut prepared = Value::Null;
        while let Some(more) = provider.prepare(caller, &post, &prepared).await? {
            prepared = more;
        }
        let frozen = provider.draft(&post, &prepared)?;
        provider.commit(caller, &bare(), &frozen).await.map(drop)
    })
    .await
}

async fn asked(
    answers: Vec<(u16, Value)>,
    call: impl AsyncFnOnce(&Threads, &Caller) -> Result<(), Failure>,
) -> Vec<String> {
    let script = Script::start(answers).await;
    call(&provider(), &caller(&script)).await.unwrap();
    script.seen()
}

async fn looked(shown: &str) -> Vec<String> {
    asked(vec![state("PUBLISHED"), found()], async |provider, caller| {
        let frozen = frozen(shown);
        provider.look(&caller.account, Some(&caller.session), sought(&frozen)).await.map(drop)
    })
    .await
}

async fn all() -> BTreeMap<&'static str, Vec<String>> {
    let image =
        |n: &str, alt: &str| json!({ "url": format!("https://a.example/{n}.jpg?x=1&y=2"), "alt": alt });
    let video = json!({ "url": "https://a.example/a.mp4" });
    let settings = json!({
        "reply_control": "mentioned_only", "topic_tag": "cats & dogs".replace(" & ", " "), "quote": "77",
        "link_attachment": "https://a.example/b?c=d",
    });
    let answer = Post { reply_to: Some("9".into()), ..post("answered", json!([]), json!({})) };
    let me = (200, json!({ "id": "17841", "username": "alice" }));
    let renewed = || (200, json!({ "access_token": "new", "expires_in": 5_184_000 }));
    BTreeMap::from([
        ("text", publishing(post("Hello #tag & more\n+1 é", json!([]), json!({}))).await),
        ("settings", publishing(post("hi", json!([]), settings)).await),
        ("image", publishing(post("", json!([image("a", "a desk")]), json!({}))).await),
        ("video", publishing(post("hi", json!([video]), json!({}))).await),
        ("carousel", publishing(post("hi", json!([image("a", "one"), video]), json!({}))).await),
        ("reply", publishing(answer).await),
        ("look", looked("feed").await),
        ("look_reply", looked("reply").await),
        (
            "login",
            asked(vec![me, renewed()], async |provider, caller| {
                provider.login(&caller.account.base_url, "alice", &caller.session.access).await.map(drop)
            })
            .await,
        ),
        (
            "refresh",
            asked(vec![renewed()], async |provider, caller| provider.refresh(caller).await.map(drop)).await,
        ),
        (
            "delete",
            asked(vec![(200, json!({ "success": true }))], async |provider, caller| {
                provider.act(caller, &Act::Delete { post: "2".into() }).await.map(drop)
            })
            .await,
        ),
        (
            "metrics",
            asked(vec![list(json!([]))], async |provider, caller| {
                provider.metrics(caller, "2").await.map(drop)
            })
            .await,
        ),
    ])
}

#[tokio::test]
async fn requests_are_those_of_the_golden_file() {
    golden::check("threads", &all().await);
}
