//! Publishing on DEV, where a title is what tells one article from another.

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::orders::Course;
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::Stage;
use crier_tests::wait::wait_until;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fault_orders::{hold, hold_at_the_database, singles_and_some_pairs};

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
    let sim = Sim::start();
    sim.add_account(NAME, "alice", KEY);
    let stage = Stage::connected_on(NAME, Database::shared().await, "alice", &sim.url_of(NAME), KEY).await;
    stage.without_pace().await;
    stage.sql.run("UPDATE crier.platform_policy SET breaker_failures = NULL").await;
    (sim, stage)
}

async fn post(stage: &Stage, text: &str, title: &str) -> Uuid {
    stage.post_as(text, &json!([]), &json!({ NAME: {"title": title} })).await
}

async fn class(stage: &Stage, post: Uuid) -> Value {
    stage.target(post).await["error"]["class"].clone()
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
async fn one_fault_of_any_kind() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    for planned in [
        Fault::DropBeforeCommit,
        Fault::DropAfterCommit,
        Fault::ServerError,
        Fault::ServerErrorAfterCommit,
        Fault::Garbage,
        Fault::NulError,
        Fault::RateLimited,
    ] {
        sim.plan(Rule::once(NAME, CREATE, planned).seconds(1.0));
        let text = format!("{planned:?}");
        let post = post(&stage, &text, &text).await;
        let target = stage.ended(post).await;
        // what is refused in so many words is refused
        let expected = if planned == Fault::NulError { ("failed", 0) } else { ("published", 1) };
        let came = (target["state"].as_str().unwrap_or_default(), sim.visible(&text).len());
        assert_eq!(came, expected, "{planned:?}: {target}");
        assert_eq!(sim.faults_left(), 0, "{planned:?}");
    }
    assert!(!stage.deployment.logs().contains(KEY), "the key is in the log");
}

#[tokio::test]
async fn killed_between_the_commit_and_the_answer() {
    let (sim, stage) = simulated().await;
    sim.plan(Rule::once(NAME, CREATE, Fault::HoldAfterCommit));
    let crierd = stage.deployment.start().await;
    let post = post(&stage, "once", "Once").await;
    wait_until("the number of held answers", 1, async || sim.held()).await;
    crierd.kill();
    sim.release();
    backdoor::lapse_leases(&stage.sql).await;
    let _crierd = stage.deployment.start().await;
    stage.published(post).await;
    assert_eq!((sim.visible("once").len(), sim.calls(CREATE)), (1, 1));
}

#[tokio::test]
async fn nothing_is_sent_again_before_the_list_must_show_it() {
    let (sim, stage) = simulated().await;
    sim.plan(Rule::once(NAME, CREATE, Fault::DropBeforeCommit));
    let _crierd = stage.deployment.start().await;
    let post = post(&stage, "once", "Once").await;
    wait_until("the state of the target", json!("unknown"), async || {
        stage.target(post).await["state"].clone()
    })
    .await;
    let looks = sim.calls(LOOK);
    backdoor::make_retries_due(&stage.sql).await;
    wait_until("another look", true, async || sim.calls(LOOK) > looks).await;
    assert_eq!(sim.calls(CREATE), 1);
    stage.ended(post).await;
    assert_eq!((sim.visible("once").len(), sim.calls(CREATE)), (1, 2));
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
async fn a_limit_parks_the_account_for_as_long_as_was_said() {
    let (sim, stage) = simulated().await;
    sim.plan(Rule::once(NAME, CREATE, Fault::RateLimited).seconds(3_600.0));
    let _crierd = stage.deployment.start().await;
    let post = post(&stage, "later", "Later").await;
    wait_until("the error of the target", json!("rate_limited"), async || class(&stage, post).await).await;
    let waits = "SELECT run_at - now() BETWEEN interval '50 minutes' AND interval '1 hour' FROM crier.jobs \
                 WHERE finished_at IS NULL";
    wait_until("an hour's wait", "t".to_owned(), async || stage.sql.text(waits).await).await;
    stage.sql.text(&format!("SELECT crier.unblock_account('{}', 'publish')", stage.account)).await;
    stage.published(post).await;
    assert_eq!((sim.visible("later").len(), sim.calls(CREATE)), (1, 2));
}

#[tokio::test]
async fn a_key_that_was_taken_back_keeps_its_posts() {
    let (sim, stage) = simulated().await;
    sim.platform(NAME).revoke("alice");
    let _crierd = stage.deployment.start().await;
    let post = post(&stage, "kept", "Kept").await;
    wait_until("the error of the target", json!("auth_revoked"), async || class(&stage, post).await).await;
    sim.add_account(NAME, "alice", "another-api-key");
    let server = sim.url_of(NAME);
    let again = stage.deployment.add_account_on(NAME, stage.workspace, "@alice", &server, "another-api-key");
    assert_eq!(again, stage.account);
    stage.published(post).await;
    assert_eq!(sim.visible("kept").len(), 1);
}

#[tokio::test]
async fn what_would_be_refused_is_refused_before() {
    let (sim, stage) = simulated().await;
    for (text, settings) in [
        ("'x'", "{}"),
        ("'x'", r#"{"devto": {"title": "a", "tags": ["a", "b", "c", "d", "e"]}}"#),
        ("E'---\\npublished: false\\n---\\nx'", r#"{"devto": {"title": "a"}}"#),
        ("repeat('x', 100001)", r#"{"devto": {"title": "a"}}"#),
    ] {
        let sql = format!(
            "SELECT crier.create_post('{}', {text}, ARRAY['{}'::uuid], settings => '{settings}')",
            stage.workspace, stage.account
        );
        let refusal = stage.sql.refusal(&sql).await;
        assert_eq!(
            (refusal.code.as_str(), refusal.detail.as_str()),
            ("22023", "content_invalid"),
            "{refusal}"
        );
    }
    // and a key of another account
    sim.add_account(NAME, "bob", "the-api-key-of-bob");
    let server = sim.url_of(NAME);
    let add =
        stage.deployment.try_add_account_on(NAME, stage.workspace, "alice", &server, "the-api-key-of-bob");
    assert!(!add.status.success() && !add.stderr.contains("the-api-key"), "{add:?}");
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
async fn no_order_of_faults_loses_an_article_on_devto_or_doubles_it() {
    hold(COURSE, singles_and_some_pairs).await;
}

#[tokio::test]
async fn killed_between_two_calls_of_the_database_on_devto() {
    hold_at_the_database(COURSE).await;
}
