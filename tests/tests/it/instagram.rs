//! Posts on Instagram, from SQL to the simulated platform: each is there once, whatever happens on the way.

mod faults;
mod preparing;
mod tokens;

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::sim::Sim;
use crier_tests::stage::Stage;
use crier_tests::wait::{SOON, wait_for};
use serde_json::{Value, json};
use uuid::Uuid;

const HANDLE: &str = "alice.test";
const TOKEN: &str = "IGAA-pasted-canary";
const PUBLISH: &str = "media.publish";
const IMAGE: &str = "https://media.example/a.jpg";
const VIDEO: &str = "https://media.example/a.mp4";

pub(crate) async fn simulated() -> (Sim, Stage) {
    simulated_with(json!({})).await
}

/// An account that the platform treats in a way of its own.
async fn simulated_with(settings: Value) -> (Sim, Stage) {
    let sim = Sim::start();
    sim.add_account("instagram", HANDLE, TOKEN);
    set(&sim, settings);
    let database = Database::shared().await;
    let stage = Stage::connected_on("instagram", database, HANDLE, &sim.url_of("instagram"), TOKEN).await;
    stage.without_pace().await;
    (sim, stage)
}

fn set(sim: &Sim, settings: Value) {
    sim.platform("instagram").set(&json!({ HANDLE: settings })).expect("settings");
}

async fn post(stage: &Stage, content: &str, media: Value, settings: Value) -> Uuid {
    let sql = "SELECT crier.create_post($1, $2, ARRAY[$3::uuid], media => $4, settings => $5)";
    let settings = json!({ "instagram": settings });
    stage.sql.value(sql, &[&stage.workspace, &content, &stage.account, &media, &settings]).await
}

pub(crate) async fn post_image(stage: &Stage, content: &str) -> Uuid {
    post(stage, content, json!([{ "url": IMAGE, "alt": "a desk" }]), json!({})).await
}

fn no_token_is_told(sim: &Sim, stage: &Stage) {
    let logs = stage.deployment.logs();
    for token in sim.issued_tokens() {
        assert!(!logs.contains(&token), "a token stands in the log");
    }
}

#[tokio::test]
async fn every_kind_of_post_is_published() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let (image, video) = (json!({ "url": IMAGE, "alt": "a desk" }), json!({ "url": VIDEO }));
    for (text, media, settings, files, path) in [
        ("an image", json!([image]), json!({ "location_id": "7" }), 1, "/p/"),
        ("a reel", json!([video]), json!({ "share_to_feed": false }), 1, "/reel/"),
        ("a carousel", json!([image, video, image]), json!({}), 3, "/p/"),
        ("", json!([video]), json!({ "placement": "story" }), 1, "/stories/"),
    ] {
        let post = post(&stage, text, media, settings).await;
        let target = stage.published_once(&sim, post, text).await;
        let entry = &sim.visible(text)[0];
        assert_eq!((entry.images.len(), entry.account.as_str()), (files, HANDLE), "{text}");
        assert!(entry.uri.contains(path), "{entry:?}");
        assert_eq!(target["attempts"], 1, "{target}");
        if text == "a carousel" || text == "an image" {
            assert_eq!((entry.images[0].alt.as_str(), entry.images[0].cid.as_str()), ("a desk", IMAGE));
        }
    }
    let refused = format!(
        "SELECT crier.create_post('{}', 'x', ARRAY['{}'::uuid], media => '[{{\"url\": \"{IMAGE}\"}}]', \
         settings => '{{\"instagram\": {{\"placement\": \"reel\"}}}}')",
        stage.workspace, stage.account
    );
    assert_eq!(stage.sql.refusal(&refused).await.code, "22023");
    no_token_is_told(&sim, &stage);
}
