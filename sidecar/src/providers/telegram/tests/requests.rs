//! Every request that is built, compared with `tests/fixtures/telegram/requests.json`.

use std::collections::BTreeMap;

use super::*;
use crate::providers::golden;

async fn publishing(post: Post) -> Vec<String> {
    let many = post.media.as_array().map_or(0, Vec::len);
    let sent = if many > 1 { json!([message(7), message(8)]) } else { message(7) };
    let (sent, seen) = publish(&post, vec![ok(sent)]).await;
    sent.unwrap();
    seen
}

async fn all() -> BTreeMap<&'static str, Vec<String>> {
    let settings = json!({
        "parse_mode": "MarkdownV2", "silent": true, "protect_content": true, "thread_id": 9,
        "link_preview": { "url": "https://a.example/", "prefer_large_media": true },
    });
    let entities = json!({ "spoiler": true, "entities": [{ "type": "text_link", "offset": 0, "length": 2, "url": "https://a.example" }] });
    let answer = |to: &str| Post { reply_to: Some(to.into()), ..post("thanks", &[], json!({})) };
    let log_in = async {
        let me = ok(json!({ "id": 42, "is_bot": true, "username": "crier_bot" }));
        let chat = ok(json!({ "id": -1_001_234_567_890_i64, "type": "channel", "username": "crier_news" }));
        let member = ok(json!({ "status": "administrator", "can_post_messages": true }));
        let script = Script::start(vec![me, chat, member]).await;
        provider().login(&script.url, "@crier_news", &TOKEN.into()).await.unwrap();
        script.seen()
    };
    let delete = async {
        let script = Script::start(vec![ok(json!(true)), ok(json!(true))]).await;
        provider().act(&caller(&script), &Act::Delete { post: "7,8".into() }).await.unwrap();
        script.seen()
    };
    let reach = async {
        let script = Script::start(vec![refusal(401, "Unauthorized")]).await;
        provider().reach(&script.url).await.unwrap();
        script.seen()
    };
    BTreeMap::from([
        ("text", publishing(post("Hello #tag & more\n+1 é", &[], json!({}))).await),
        ("text_settings", publishing(post("*hi*", &[], settings)).await),
        ("image", publishing(post("hi", &[PNG], entities.clone())).await),
        ("image_alone", publishing(post("", &[PNG], json!({}))).await),
        ("animation", publishing(post("moves", &[GIF], json!({}))).await),
        ("video", publishing(post("<b>hi</b>", &[MP4], json!({ "parse_mode": "HTML" }))).await),
        ("document", publishing(post("hi", &[PDF], json!({ "silent": true }))).await),
        ("album", publishing(post("hi", &[PNG, MP4], entities)).await),
        ("album_of_documents", publishing(post("hi", &[PDF, PDF], json!({}))).await),
        ("answer", publishing(answer("12,13")).await),
        ("answer_by_address", publishing(answer("https://t.me/crier_news/12")).await),
        ("login", log_in.await),
        ("delete", delete.await),
        ("reach", reach.await),
    ])
}

#[tokio::test]
async fn requests_are_those_of_the_golden_file() {
    golden::check("telegram", &all().await);
}
