//! Publishing on Lemmy, where only the account's own posts tell what became of one.

use crier_tests::backdoor;
use crier_tests::orders::Course;
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::Stage;
use crier_tests::wait::wait_until;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fault_orders::{hold, hold_at_the_database, singles_and_some_pairs};
use crate::usual;

const NAME: &str = "lemmy";
const CREATE: &str = "post.create";
const COMMENT: &str = "comment.create";
const LOOK: &str = "user.get";
const PASSWORD: &str = "correct horse battery";

pub(crate) const COURSE: Course = Course {
    platform: NAME,
    secret: PASSWORD,
    commit: CREATE,
    media: || json!([{"url": "https://media.example/a.jpg", "alt": "a desk"}]),
    post_settings: || json!({"title": "An order", "community": "rust", "nsfw": true}),
    ..Course::PLAIN
};

async fn simulated() -> (Sim, Stage) {
    COURSE.simulated().await
}

async fn post(stage: &Stage, text: &str) -> Uuid {
    let settings = json!({ NAME: {"title": "The same title", "community": "rust"} });
    stage.post_as(text, &json!([]), &settings).await
}

async fn comment(stage: &Stage, text: &str, on: &str) -> Uuid {
    stage.post_as(text, &json!([]), &json!({ NAME: {"reply_to": on} })).await
}

#[tokio::test]
async fn a_post_is_there_as_it_was_asked_for() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let media = json!([{"url": "https://media.example/a.jpg", "alt": "a desk"},
                       {"url": "https://media.example/b.jpg", "alt": "a lamp"}]);
    let settings = json!({"title": "Grüße", "community_id": 1, "nsfw": true, "language": "de"});
    let post = stage.post_as("An **alle**", &media, &json!({ NAME: settings })).await;
    let target = stage.published(post).await;
    let there = sim.visible("An **alle**");
    assert_eq!((there.len(), &target["url"]), (1, &json!(there[0].uri)), "{target}");
    let request: String = stage.sql.value("SELECT request FROM crier.post_target", &[]).await;
    let request: Value = serde_json::from_str(&request).expect("JSON");
    let expected = json!({"name": "Grüße", "community_id": 1, "url": "https://media.example/a.jpg", "alt_text": "a desk",
                          "body": "An **alle**\n\n![a lamp](https://media.example/b.jpg)", "nsfw": true, "language_id": 38});
    assert_eq!(request["post"], expected);
    // the password is not kept
    let log = stage.deployment.logs();
    assert!(!log.contains(PASSWORD) && sim.issued_tokens().iter().all(|token| !log.contains(token)));
}

#[tokio::test]
async fn a_list_that_hides_posts_is_not_believed() {
    let (sim, stage) = simulated().await;
    sim.plan(Rule::once(NAME, CREATE, Fault::DropAfterCommit));
    // from now on the account would not see its own post
    sim.platform(NAME).set(&json!({"show_nsfw": false})).expect("settings");
    let _crierd = stage.deployment.start().await;
    let settings = json!({ NAME: {"title": "Hidden", "community": "rust", "nsfw": true} });
    let post = stage.post_as("hidden", &json!([]), &settings).await;
    wait_until("the error of the target", json!("auth_revoked"), async || usual::class(&stage, post).await)
        .await;
    let error = stage.target(post).await["error"]["message"].clone();
    assert!(error.as_str().is_some_and(|why| why.contains("NSFW")), "{error}");
    let server = sim.url_of(NAME);
    let add = stage.deployment.try_add_account_on(NAME, stage.workspace, "alice", &server, PASSWORD);
    assert!(!add.status.success() && add.stderr.contains("NSFW"), "{add:?}");
    assert_eq!(sim.calls(CREATE), 1);
    sim.platform(NAME).set(&json!({"show_nsfw": true})).expect("settings");
    stage.published(post).await;
    assert_eq!((sim.visible("hidden").len(), sim.calls(CREATE)), (1, 1));
}

#[tokio::test]
async fn comments_are_made_once_and_taken_back() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let first = post(&stage, "a post").await;
    let on = stage.published(first).await["external_id"].as_str().expect("an id").to_owned();
    for (text, planned, calls) in [
        ("plain", None, 1),
        ("lost", Some(Fault::DropAfterCommit), 1),
        ("unsent", Some(Fault::DropBeforeCommit), 2),
    ] {
        let before = sim.calls("comment.create");
        planned.into_iter().for_each(|fault| sim.plan(Rule::once(NAME, "comment.create", fault)));
        let comment = comment(&stage, text, &on).await;
        let target = stage.ended(comment).await;
        assert_eq!((&target["state"], sim.visible(text).len()), (&json!("published"), 1), "{target}");
        assert_eq!(sim.calls("comment.create") - before, calls, "{text}");
    }
    let answer = comment(&stage, "to a comment", "comment-2").await;
    let target = stage.published(answer).await;
    assert!(target["external_id"].as_str().is_some_and(|id| id.starts_with("comment-")), "{target}");
    let id: Uuid = target["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    stage.sql.value::<Uuid>("SELECT crier.delete_published($1)", &[&id]).await;
    wait_until("that it is taken back", true, async || stage.target(answer).await["deleted_at"].is_string())
        .await;
    assert_eq!(sim.calls("comment.delete"), 1);
}

#[tokio::test]
async fn a_post_is_liked_counted_and_taken_back() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let post = post(&stage, "regretted").await;
    let target = stage.published(post).await;
    let on = target["external_id"].as_str().expect("an id");
    let act = "SELECT crier.act($1, $2, $3, NULL)";
    stage.sql.value::<Uuid>(act, &[&stage.account, &"like", &on]).await;
    wait_until("the likes", 1, async || sim.calls("post.like")).await;
    let id: Uuid = target["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    stage.sql.value::<Uuid>("SELECT crier.read_metrics($1)", &[&id]).await;
    wait_until("the figures", json!(1), async || stage.target(post).await["metrics"]["likes"].clone()).await;
    // the answer is lost, and a second time it is refused: it is gone all the same
    sim.plan(Rule::once(NAME, "post.delete", Fault::DropAfterCommit));
    stage.sql.value::<Uuid>("SELECT crier.delete_published($1)", &[&id]).await;
    wait_until("that it is taken back", true, async || {
        backdoor::make_retries_due(&stage.sql).await;
        stage.target(post).await["deleted_at"].is_string()
    })
    .await;
    let follow =
        stage.sql.refusal(&format!("SELECT crier.act('{}', 'follow', '1', NULL)", stage.account)).await;
    assert_eq!(follow.detail, "unsupported", "{follow}");
}

#[tokio::test]
async fn what_the_server_changes_in_a_text_is_no_reason_to_send_it_again() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let first = post(&stage, "a post").await;
    let on = stage.published(first).await["external_id"].as_str().expect("an id").to_owned();
    let link = "see [this](https://a.example/x?utm_source=crier&page=2) and https://a.example/?utm_medium=x.";
    for (text, expected) in [(link, "published"), ("gronkhead, I say", "unconfirmed")] {
        for call in [COMMENT, CREATE] {
            let before = sim.calls(call);
            sim.plan(Rule::once(NAME, call, Fault::DropAfterCommit));
            let text = format!("{call}: {text}");
            let made =
                if call == CREATE { post(&stage, &text).await } else { comment(&stage, &text, &on).await };
            let target = stage.ended(made).await;
            let came = (target["state"].as_str(), sim.visible(&text).len(), sim.calls(call) - before);
            assert_eq!(came, (Some(expected), 1, 1), "{text}: {target}");
        }
    }
}

#[tokio::test]
async fn what_a_block_or_an_admin_hides_is_not_sent_again() {
    let (sim, stage) = simulated().await;
    let mut crierd = stage.deployment.start().await;
    let first = post(&stage, "a post").await;
    let on = stage.published(first).await["external_id"].as_str().expect("an id").to_owned();
    let write = async |call: &str, text: &str| match call {
        CREATE => post(&stage, text).await,
        _ => comment(&stage, text, &on).await,
    };
    // the community `rust` is the second one
    for (hiding, call) in [
        ("blocked_instances", CREATE),
        ("blocked_instances", COMMENT),
        ("blocked_communities", CREATE),
        ("blocked_communities", COMMENT),
        ("hidden_communities", CREATE),
    ] {
        let (before, text) = (sim.calls(call), format!("{call} and {hiding}"));
        sim.plan(Rule::once(NAME, call, Fault::HoldAfterCommit));
        let made = write(call, &text).await;
        wait_until("the number of held answers", 1, async || sim.held()).await;
        crierd.kill();
        sim.platform(NAME).set(&json!({ hiding: [2] })).expect("settings");
        sim.release();
        backdoor::lapse_leases(&stage.sql).await;
        crierd = stage.deployment.start().await;
        wait_until("two looks that are not believed", true, async || {
            backdoor::age_intents(&stage.sql).await;
            backdoor::make_retries_due(&stage.sql).await;
            let target = stage.target(made).await;
            target["attempts"].as_u64() >= Some(4) || target["state"] == "published"
        })
        .await;
        assert_eq!((sim.calls(call) - before, sim.visible(&text).len()), (1, 1), "{text}");
        assert_eq!(stage.sql.text("SELECT status FROM crier.accounts").await, "active", "{text}");
        // what is written now is refused before it is sent
        let refused = write(call, "no").await;
        let target = stage.reached(refused, "failed").await;
        let came = (&target["error"]["class"], sim.calls(call) - before);
        assert_eq!(came, (&json!("permission"), 1), "{text}: {target}");
        sim.platform(NAME).set(&json!({ hiding: [] })).expect("settings");
        let target = stage.ended(made).await;
        assert_eq!(
            (&target["state"], sim.visible(&text).len()),
            (&json!("published"), 1),
            "{text}: {target}"
        );
    }
}

#[tokio::test]
async fn a_community_that_is_nowhere_gets_nothing() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let settings = json!({ NAME: {"title": "Hello", "community": "nowhere"} });
    let nowhere = stage.post_as("x", &json!([]), &settings).await;
    let target = stage.reached(nowhere, "failed").await;
    assert_eq!((&target["error"]["class"], sim.calls(CREATE)), (&json!("target_missing"), 0), "{target}");
}

usual::tests_of!(COURSE, LOOK);

#[tokio::test]
async fn what_would_be_refused_is_refused_before() {
    let posts = [
        ("'x'", json!({})),
        ("'x'", json!({"title": "Hello"})),
        ("'x'", json!({"title": "ab cd", "community": "rust"})),
        ("repeat('x', 50001)", json!({"title": "Hello", "community": "rust"})),
        ("repeat('x', 10001)", json!({"reply_to": "1"})),
    ];
    usual::refused_before(COURSE, &posts).await;
}

#[tokio::test]
async fn no_order_of_faults_loses_a_post_on_lemmy_or_doubles_it() {
    hold(COURSE, singles_and_some_pairs).await;
}

#[tokio::test]
async fn killed_between_two_calls_of_the_database_on_lemmy() {
    hold_at_the_database(COURSE).await;
}
