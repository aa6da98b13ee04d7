//! What tests of platforms have in common where an account is a channel of a chat.

use crier_tests::backdoor;
use crier_tests::orders::Course;
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::Stage;
use crier_tests::wait::{SOON, wait_for, wait_until};
use serde_json::{Value, json};
use uuid::Uuid;

/// Changes settings of the simulated platform.
pub(crate) fn set(sim: &Sim, platform: &str, settings: &Value) {
    sim.platform(platform).set(settings).unwrap_or_else(|error| panic!("{settings}: {error}"));
}

/// The id of a target.
fn id_of(target: &Value) -> Uuid {
    target["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("no id in {target}"))
}

/// Waits until an action is in a state. Retries that wait are made due.
pub(crate) async fn acted(stage: &Stage, action: Uuid, state: &str) -> Value {
    wait_for(&format!("the action to be {state}"), SOON, async || {
        backdoor::make_retries_due(&stage.sql).await;
        let found: Value = stage.sql.value("SELECT crier.get_action($1)", &[&action]).await;
        if found["state"] == state { Ok(found) } else { Err(found) }
    })
    .await
}

/// Likes a post.
pub(crate) async fn like(stage: &Stage, post: &str) -> Uuid {
    stage.sql.value("SELECT crier.act($1, 'like', $2)", &[&stage.account, &post]).await
}

/// Takes the only target of a post back.
pub(crate) async fn delete(stage: &Stage, post: Uuid) {
    let id = id_of(&stage.target(post).await);
    let action: Uuid = stage.sql.value("SELECT crier.delete_published($1)", &[&id]).await;
    acted(stage, action, "done").await;
}

/// Waits until all parts of a thread are published.
pub(crate) async fn all_published(stage: &Stage, post: Uuid) {
    wait_until("the state of the post", "published".to_owned(), async || {
        backdoor::make_retries_due(&stage.sql).await;
        stage.sql.text(&format!("SELECT state FROM crier.posts WHERE id = '{post}'")).await
    })
    .await;
}

/// A message is published and liked, and what is read of it tells; nobody can be followed.
pub(crate) async fn a_like_is_counted(stage: &Stage) {
    let post = stage.post("like me").await;
    let target = stage.published(post).await;
    acted(stage, like(stage, target["url"].as_str().unwrap_or_default()).await, "done").await;
    let job: Uuid = stage.sql.value("SELECT crier.read_metrics($1)", &[&id_of(&target)]).await;
    wait_until("the state of the job", "completed".to_owned(), async || {
        stage.sql.text(&format!("SELECT state FROM crier.jobs WHERE id = '{job}'")).await
    })
    .await;
    assert_eq!(stage.target(post).await["metrics"]["likes"], 1);
    let refusal = stage.sql.refusal(&format!("SELECT crier.act('{}', 'follow', 'x')", stage.account)).await;
    assert_eq!(refusal.detail, "unsupported", "{refusal}");
}

/// A limit of an hour holds the account for an hour, and then the message is sent once.
pub(crate) async fn a_limit_is_kept(sim: &Sim, stage: &Stage, course: Course) {
    let before = sim.calls(course.commit);
    sim.plan(Rule::once(course.platform, course.commit, Fault::RateLimited).seconds(3_600.0));
    let _crierd = stage.deployment.start().await;
    let post = stage.post("later").await;
    let class = async || stage.target(post).await["error"]["class"].clone();
    wait_until("the error of the target", json!("rate_limited"), class).await;
    let blocked = format!(
        "SELECT blocked_until BETWEEN now() + interval '59 minutes' AND now() + interval '1 hour' \
         FROM crier.check_rate_limit('{}', 'publish')",
        stage.account
    );
    assert_eq!(stage.sql.text(&blocked).await, "t");
    stage.sql.text(&format!("SELECT crier.unblock_account('{}', 'publish')", stage.account)).await;
    stage.published(post).await;
    assert_eq!((sim.calls(course.commit) - before, sim.visible("later").len()), (2, 1));
}

/// A token that was taken back is not tried again before its owner has connected the account anew; then the post goes out.
pub(crate) async fn a_post_waits_for_a_login(course: Course, new: &str) {
    let (sim, stage) = course.simulated().await;
    let Course { platform, handle, .. } = course;
    sim.platform(platform).revoke(handle);
    let crierd = stage.deployment.start().await;
    let post = stage.post("waits").await;
    wait_until("the account's status", "reauth_required".to_owned(), async || {
        backdoor::make_retries_due(&stage.sql).await;
        stage.sql.text("SELECT status FROM crier.social_account").await
    })
    .await;
    let refused = sim.call_names().len();
    // it ends what it is at: a call that nobody knows the end of is another test
    crierd.terminate();
    assert!(crierd.ended().await.success());
    let _crierd = stage.deployment.start().await;
    backdoor::make_retries_due(&stage.sql).await;
    assert_eq!(sim.call_names().len(), refused);
    let server = sim.url_of(platform);
    let new = new.replace("SERVER", &server);
    sim.add_account(platform, handle, &new);
    stage.deployment.add_account_on(platform, stage.workspace, handle, &server, &new);
    // whoever was killed may have been asking just then: that has to settle
    let target = stage.ended(post).await;
    assert_eq!((&target["state"], sim.visible("waits").len()), (&json!("published"), 1), "{target}");
}

/// A webhook that is gone is told from the first call, and not called again.
pub(crate) async fn what_is_gone_is_called_once(course: Course) {
    let (sim, stage) = course.simulated().await;
    let _crierd = stage.deployment.start().await;
    set(&sim, course.platform, &json!({"gone": true}));
    let before = sim.call_names().len();
    let post = stage.post("into nothing").await;
    let target = stage.reached(post, "failed").await;
    assert_eq!(target["error"]["class"], "target_missing", "{target}");
    backdoor::make_retries_due(&stage.sql).await;
    assert_eq!(sim.call_names().len() - before, 1);
}

/// A lost answer leaves the post to a person at once, and nothing is sent again.
pub(crate) async fn a_lost_answer_is_left_to_a_person(course: Course) {
    let (sim, stage) = course.simulated().await;
    let _crierd = stage.deployment.start().await;
    let before = sim.calls(course.commit);
    sim.plan(Rule::once(course.platform, course.commit, Fault::DropAfterCommit));
    let post = stage.post("who knows").await;
    let target = stage.ended(post).await;
    assert_eq!((&target["state"], &target["attempts"]), (&json!("unconfirmed"), &json!(1)), "{target}");
    assert_eq!((sim.calls(course.commit) - before, sim.visible("who knows").len()), (1, 1));
}

/// One fault of each of these kinds at the call that publishes: one message, and Crier knows where.
pub(crate) async fn is_there_once(
    sim: &Sim,
    stage: &Stage,
    (course, media): (Course, &Value),
    faults: &[Fault],
) {
    for fault in faults {
        sim.plan(Rule::once(course.platform, course.commit, *fault));
        let text = format!("{fault:?} of {}", course.commit);
        let post = stage.post_with(&text, media).await;
        let target = stage.ended(post).await;
        let there = sim.visible(&text);
        assert_eq!((&target["state"], there.len()), (&json!("published"), 1), "{target}");
        assert_eq!(target["url"], json!(there[0].uri), "{target}");
    }
}

/// The sidecar is killed when the message is out: the next one finds it.
pub(crate) async fn is_found_after_a_kill(course: Course) {
    let (sim, stage) = course.simulated().await;
    let post = stage.killed_while_held(&sim, course.platform, course.commit, "held").await;
    let _crierd = stage.deployment.start().await;
    let target = stage.ended(post).await;
    assert_eq!((&target["state"], sim.calls(course.commit)), (&json!("published"), 1), "{target}");
    assert_eq!(sim.visible("held").len(), 1);
}

/// Posts with these texts, media and settings are refused when they are made.
pub(crate) async fn are_refused_before(course: Course, posts: Vec<(String, Value, Value)>) {
    let (_sim, stage) = course.simulated().await;
    for (text, media, settings) in posts {
        let post = format!(
            "SELECT crier.create_post('{}', '{text}', ARRAY['{}'::uuid], media => '{media}', settings => '{}')",
            stage.workspace,
            stage.account,
            json!({ course.platform: settings })
        );
        let refusal = stage.sql.refusal(&post).await;
        assert_eq!(
            (refusal.code.as_str(), refusal.detail.as_str()),
            ("22023", "content_invalid"),
            "{refusal}"
        );
    }
}
