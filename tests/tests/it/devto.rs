//! Publishing on DEV, where a title is what tells one article from another.

use crier_tests::backdoor;
use crier_tests::orders::Course;
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::Stage;
use crier_tests::wait::wait_until;
use serde_json::json;
use uuid::Uuid;

use crate::fault_orders::{hold, hold_at_the_database, singles_and_some_pairs};
use crate::usual;

const NAME: &str = "devto";
const CREATE: &str = "articles.create";
const LOOK: &str = "articles.mine";
const KEY: &str = "a-pasted-api-key";

pub(crate) const COURSE: Course = Course {
    platform: NAME,
    secret: KEY,
    commit: CREATE,
    media: || json!([{"url": "https://media.example/a.jpg", "alt": "a desk"}]),
    // the same title is refused for five minutes
    post_settings: || json!({"title": format!("An order {}", Uuid::new_v4())}),
    ..Course::PLAIN
};

async fn simulated() -> (Sim, Stage) {
    COURSE.simulated().await
}

async fn post(stage: &Stage, text: &str, title: &str) -> Uuid {
    stage.post_as(text, &json!([]), &json!({ NAME: {"title": title} })).await
}

#[tokio::test]
async fn an_article_is_there_as_it_was_asked_for() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let settings = json!({"title": "A title", "tags": ["rust"], "canonical_url": "https://a.example/x",
                          "main_image": "https://a.example/main.png", "description": "d", "series": "s"});
    let media = json!([{"url": "https://media.example/a.jpg", "alt": "a desk"}]);
    let post = stage.post_as("# Grüße\n\n`x`", &media, &json!({ NAME: settings })).await;
    let target = stage.published(post).await;
    let there = sim.visible("# Grüße\n\n`x`");
    assert_eq!((there.len(), &target["url"]), (1, &json!(there[0].uri)), "{target}");
    assert_eq!((sim.calls(CREATE), sim.calls(LOOK)), (1, 0));
}

#[tokio::test]
async fn the_same_title_again_is_a_duplicate() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let first = post(&stage, "one", "The same").await;
    stage.published(first).await;
    let second = post(&stage, "two", "The same").await;
    let target = stage.reached(second, "failed").await;
    assert_eq!((&target["error"]["class"], sim.ledger().len()), (&json!("duplicate"), 1), "{target}");
}

#[tokio::test]
async fn two_articles_of_the_same_words_are_two() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let first = post(&stage, "same", "One").await;
    let first = stage.published(first).await;
    // the text alone could be ours, changed since: but it is another target's
    sim.plan(Rule::once(NAME, CREATE, Fault::DropBeforeCommit));
    let second = post(&stage, "same", "Two").await;
    let second = stage.ended(second).await;
    assert_eq!((&second["state"], sim.visible("same").len()), (&json!("published"), 2), "{second}");
    assert_ne!(first["external_id"], second["external_id"]);
}

#[tokio::test]
async fn an_article_becomes_a_draft_again_and_is_counted() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let post = post(&stage, "regretted", "Regretted").await;
    let external_id = stage.published(post).await["external_id"].clone();
    let target: Uuid = stage.sql.value("SELECT id FROM crier.post_target", &[]).await;
    stage.sql.value::<Uuid>("SELECT crier.read_metrics($1)", &[&target]).await;
    wait_until("the figures", json!(0), async || stage.target(post).await["metrics"]["likes"].clone()).await;
    stage.sql.value::<Uuid>("SELECT crier.delete_published($1)", &[&target]).await;
    wait_until("that it is taken back", true, async || stage.target(post).await["deleted_at"].is_string())
        .await;
    let url = format!("{}/api/articles/{}", sim.url_of(NAME), external_id.as_str().unwrap_or_default());
    let answer = crier_tests::http::client().get(url).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 404);
}

#[tokio::test]
async fn what_was_refused_as_a_duplicate_is_not_sent_again_where_no_list_shows_it() {
    let (sim, stage) = simulated().await;
    sim.plan(Rule::once(NAME, CREATE, Fault::DropAfterCommit));
    sim.platform(NAME).set(&json!({"lists_nothing": true})).expect("settings");
    let _crierd = stage.deployment.start().await;
    let post = post(&stage, "once", "Once").await;
    wait_until("the refusal of a second one", 2, async || {
        backdoor::age_intents(&stage.sql).await;
        backdoor::make_retries_due(&stage.sql).await;
        sim.calls(CREATE)
    })
    .await;
    sim.platform(NAME).set(&json!({"forgets_titles": true})).expect("settings");
    let target = stage.ended(post).await;
    let came = (&target["state"], sim.visible("once").len(), sim.calls(CREATE));
    assert_eq!(came, (&json!("unconfirmed"), 1, 2), "{target}");
}

usual::tests_of!(COURSE, LOOK);

#[tokio::test]
async fn what_would_be_refused_is_refused_before() {
    let posts = [
        ("'x'", json!({})),
        ("'x'", json!({"title": "a", "tags": ["a", "b", "c", "d", "e"]})),
        ("E'---\\npublished: false\\n---\\nx'", json!({"title": "a"})),
        ("repeat('x', 100001)", json!({"title": "a"})),
    ];
    usual::refused_before(COURSE, &posts).await;
}

#[tokio::test]
async fn no_order_of_faults_loses_an_article_on_devto_or_doubles_it() {
    hold(COURSE, singles_and_some_pairs).await;
}

#[tokio::test]
async fn killed_between_two_calls_of_the_database_on_devto() {
    hold_at_the_database(COURSE).await;
}
