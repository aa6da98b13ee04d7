//! Publishing on WordPress: on a simulated site, where things go wrong on purpose.

use crier_tests::http;
use crier_tests::images::{data_url, png};
use crier_tests::orders::{Course, picture};
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::Stage;
use crier_tests::wait::wait_until;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fault_orders::{hold, hold_at_the_database, singles_and_some_pairs};
use crate::usual;

const NAME: &str = "wordpress";
const CREATE: &str = "posts.create";
const LOOK: &str = "posts.list";
const PASSWORD: &str = "abcd EFGH ijkl MNOP qrst UVWX";

pub(crate) const COURSE: Course = Course {
    platform: NAME,
    secret: PASSWORD,
    commit: CREATE,
    media: picture,
    post_settings: || json!({"title": "An order"}),
    ..Course::PLAIN
};

async fn simulated() -> (Sim, Stage) {
    COURSE.simulated().await
}

fn image(colour: u8, alt: &str) -> Value {
    json!({"url": data_url("image/png", &png(4, 3, [colour, 2, 3])), "alt": alt})
}

async fn post(stage: &Stage, text: &str, media: &Value) -> Uuid {
    stage.post_as(text, media, &json!({"wordpress": {"title": text}})).await
}

/// What the site says under a path.
async fn read(sim: &Sim, path: &str) -> Value {
    let url = format!("{}/wp-json/wp/v2/{path}", sim.url_of(NAME));
    let answer = http::client().get(url).basic_auth("alice", Some(PASSWORD)).send().await.expect("an answer");
    answer.json().await.expect("JSON")
}

#[tokio::test]
async fn a_post_with_images_is_there_as_it_was_asked_for() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let text = "Grüße & <b>\n\nEnde [gallery]";
    let media = json!([image(1, "featured"), image(2, "a \"desk\""), image(3, "")]);
    let target = stage.published(post(&stage, text, &media).await).await;
    let ledger = sim.visible(text);
    assert_eq!(ledger.len(), 1, "{target}");
    assert_eq!(target["url"], json!(ledger[0].uri), "{target}");
    let alts: Vec<_> = ledger[0].images.iter().map(|image| image.alt.as_str()).collect();
    assert_eq!(alts, ["featured", "a \"desk\"", ""]);
    let shown = read(&sim, &format!("posts/{}", target["external_id"].as_str().expect("an id"))).await;
    assert!(shown["featured_media"].as_u64().is_some_and(|id| id > 0), "{shown}");
    assert!(ledger[0].key.starts_with("gr-e-b-ende-gallery-"), "{}", ledger[0].key);
}

#[tokio::test]
async fn an_upload_whose_answer_is_lost_is_found_again() {
    let (sim, stage) = simulated().await;
    sim.plan(Rule::once(NAME, "media.create", Fault::DropAfterCommit));
    let _crierd = stage.deployment.start().await;
    let post = post(&stage, "an upload", &json!([image(1, "kept")])).await;
    stage.published(post).await;
    assert_eq!(sim.calls("media.create"), 1);
    assert_eq!(sim.visible("an upload")[0].images[0].alt, "kept");
}

#[tokio::test]
async fn a_login_names_its_site_and_its_own_user() {
    let (sim, stage) = simulated().await;
    sim.add_account(NAME, "bob", "the password of bob");
    let add = |handle: &str, server: &str| {
        stage.deployment.try_add_account_on(NAME, stage.workspace, handle, server, "the password of bob")
    };
    let printed = add("alice", &sim.url_of(NAME));
    assert!(!printed.status.success() && !printed.stderr.contains("the password"), "{printed:?}");
    // a site within the operator's network is none
    let inward = add("bob", "http://10.0.0.1");
    assert!(!inward.status.success() && inward.stderr.contains("https"), "{inward:?}");
    assert_eq!(stage.sql.text("SELECT count(*) FROM crier.accounts").await, "1");
}

#[tokio::test]
async fn a_post_is_taken_back_and_counted() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let post = post(&stage, "gone soon", &json!([])).await;
    stage.published(post).await;
    let target: Uuid = stage.sql.value("SELECT id FROM crier.post_target", &[]).await;
    stage.sql.value::<Uuid>("SELECT crier.read_metrics($1)", &[&target]).await;
    wait_until("the number of questions for comments", 1, async || sim.calls("comments.list")).await;
    stage.sql.value::<Uuid>("SELECT crier.delete_published($1)", &[&target]).await;
    wait_until("the posts that are there", 0, async || sim.platform(NAME).timeline().len()).await;
}

usual::tests_of!(COURSE, LOOK);

#[tokio::test]
async fn what_would_be_refused_is_refused_before() {
    let posts = [
        ("'x'", json!({})),
        ("'x'", json!({"title": " "})),
        ("'x'", json!({"title": "a", "format": "poem"})),
        ("repeat('x', 200001)", json!({"title": "a"})),
    ];
    usual::refused_before(COURSE, &posts).await;
}

#[tokio::test]
async fn no_order_of_faults_loses_a_post_on_wordpress_or_doubles_it() {
    hold(COURSE, singles_and_some_pairs).await;
}

#[tokio::test]
async fn killed_between_two_calls_of_the_database_on_wordpress() {
    hold_at_the_database(COURSE).await;
}
