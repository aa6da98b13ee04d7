//! End to end against a Mastodon server that others wrote: what it has is what was asked for, once.

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::images::{data_url, png};
use crier_tests::mastodon_mock::{MastodonMock, NAME, TOKEN};
use crier_tests::stage::Stage;
use crier_tests::wait::wait_until;
use serde_json::json;

#[tokio::test]
async fn posts_are_there_once() {
    let server = MastodonMock::start().await;
    let database = Database::shared().await;
    let stage = Stage::connected_on("mastodon", database, NAME, server.url(), TOKEN).await;
    stage.without_pace().await;
    let _crierd = stage.deployment.start().await;

    let media = json!([
        {"url": data_url("image/png", &png(8, 6, [200, 80, 20])), "alt": "orange"},
        {"url": data_url("image/png", &png(3, 9, [20, 80, 200])), "alt": "blau \"hoch\""},
    ]);
    let settings = json!({"mastodon": {"visibility": "unlisted", "spoiler_text": "cw", "language": "de"}});
    let sql = "SELECT crier.create_post($1, 'Grüße 🎉', ARRAY[$2::uuid], media => $3, settings => $4)";
    let post = stage.sql.value(sql, &[&stage.workspace, &stage.account, &media, &settings]).await;
    let target = stage.published(post).await;
    let id = target["external_id"].as_str().expect("an id");
    let shown = server.read(&format!("statuses/{id}")).await;
    let said = [&shown["visibility"], &shown["spoiler_text"], &shown["language"], &shown["url"]];
    assert_eq!(said, [&json!("unlisted"), &json!("cw"), &json!("de"), &target["url"]], "{shown}");
    let attached = shown["media_attachments"].as_array().cloned().unwrap_or_default();
    let alts: Vec<_> = attached.iter().map(|media| &media["description"]).collect();
    assert_eq!(alts, ["orange", "blau \"hoch\""]);
    assert_eq!(server.read(&format!("statuses/{id}/source")).await["text"], "Grüße 🎉");

    // none of these is carried out, and only a look a minute later tells
    for (text, effect) in [
        ("failed", json!({"type": "status", "status": 500})),
        ("starting", json!({"type": "status", "status": 503, "headers": {"Retry-After": "1"}})),
        ("malformed", json!({"type": "malformed"})),
    ] {
        server.plan(effect).await;
        let post = stage.post(text).await;
        wait_until("the state of the target", json!("unknown"), async || {
            stage.target(post).await["state"].clone()
        })
        .await;
        backdoor::age_intent(&stage.sql, post).await;
        stage.published(post).await;
    }

    // published, and nobody knows: it is found
    let post = stage.post("found").await;
    let first = stage.published(post).await;
    backdoor::forget_outcome(&stage.sql, post).await;
    backdoor::undo_end_of_job(&stage.sql, post).await;
    stage.sql.run("NOTIFY crier_jobs").await;
    let again = stage.published(post).await;
    assert_eq!((&again["external_id"], &again["url"]), (&first["external_id"], &first["url"]));

    let texts = server.texts().await;
    let expected = ["Grüße 🎉", "failed", "starting", "malformed", "found"];
    assert_eq!(texts, expected.map(|text| format!("<p>{text}</p>")));
}
