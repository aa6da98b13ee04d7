//! One post, whatever is lost between the sidecar, the platform and the database.

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::hold_proxy::{HoldProxy, Interference};
use crier_tests::pds::Pds;
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::Stage;
use crier_tests::wait::wait_until;
use serde_json::json;
use uuid::Uuid;

const PUT: &str = "com.atproto.repo.putRecord";
const LOOK: &str = "com.atproto.repo.getRecord";

async fn simulated() -> (Sim, Stage) {
    let sim = Sim::start();
    let stage = Stage::on_simulator(&sim, Database::shared().await).await;
    (sim, stage)
}

/// Waits until the platform has published and holds its answer back.
async fn held(sim: &Sim) {
    wait_until("the number of held answers", 1, async || sim.held()).await;
}

#[tokio::test]
async fn one_fault_of_any_kind() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    for fault in [
        Fault::DropBeforeCommit,
        Fault::DropAfterCommit,
        Fault::ServerError,
        Fault::ServerErrorAfterCommit,
        Fault::Garbage,
        Fault::RateLimited,
        Fault::Unauthorized,
        Fault::ExpiredToken,
    ] {
        sim.fault(PUT, fault);
        let text = format!("{fault:?}");
        let post = stage.post(&text).await;
        let target = stage.published(post).await;
        assert_eq!(sim.visible(&text).len(), 1, "{fault:?}: {target}");
        let published = sim.ledger().into_iter().find(|entry| entry.text == text).expect("the entry");
        assert_eq!(target["external_id"], json!(published.uri), "{fault:?}");
        assert_eq!(sim.faults_left(), 0, "{fault:?}");
    }
}

#[tokio::test]
async fn an_answer_lost_and_the_look_after_it_too() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    for (text, fault, look) in [
        ("a", Fault::DropAfterCommit, Fault::DropAfterCommit),
        ("b", Fault::ServerErrorAfterCommit, Fault::ServerError),
        ("c", Fault::DropBeforeCommit, Fault::RateLimited),
        ("d", Fault::Garbage, Fault::Garbage),
    ] {
        sim.fault(PUT, fault);
        sim.plan(Rule::once("bluesky", LOOK, look).times(2));
        let before = sim.call_names().len();
        let post = stage.post(text).await;
        stage.published(post).await;
        assert_eq!(sim.visible(text).len(), 1, "{fault:?}, then {look:?}");
        assert_eq!(sim.faults_left(), 0, "{fault:?}, then {look:?}");
        let calls = sim.call_names().split_off(before);
        let asked: Vec<_> = calls.iter().filter(|call| [PUT, LOOK].contains(&call.as_str())).collect();
        assert_eq!(
            asked[..4],
            [PUT, LOOK, LOOK, LOOK],
            "expected nothing sent before a clear look: {calls:?}"
        );
        let sent_again = fault == Fault::DropBeforeCommit;
        assert_eq!(asked[4..], [PUT][..usize::from(sent_again)], "{fault:?}, then {look:?}");
    }
}

#[tokio::test]
async fn killed_after_the_platforms_commit() {
    let (sim, stage) = simulated().await;
    sim.fault(PUT, Fault::HoldAfterCommit);
    let post = kill_while_held(&sim, &stage).await;
    let _crierd = stage.deployment.start().await;
    let target = stage.published(post).await;
    assert_eq!(sim.visible("once").len(), 1, "{target}");
    assert_eq!(target["attempts"], 2, "expected a second try that asked the platform: {target}");
    assert_eq!(sim.calls(PUT), 1, "expected nothing to be sent again");
}

#[tokio::test]
async fn killed_after_the_platforms_commit_in_the_last_attempt() {
    let (sim, stage) = simulated().await;
    sim.fault(PUT, Fault::HoldAfterCommit);
    let crierd = stage.deployment.start().await;
    let post = stage.post("once").await;
    held(&sim).await;
    backdoor::make_attempt_the_last(&stage.sql, post).await;
    crierd.kill();
    sim.release();
    backdoor::lapse_leases(&stage.sql).await;
    let looks = sim.calls(LOOK);
    let _crierd = stage.deployment.start().await;
    let target = stage.ended(post).await;
    assert_eq!(target["state"], "published", "expected the platform to be asked once more: {target}");
    assert!(sim.calls(LOOK) > looks, "expected the platform to be asked");
    assert_eq!(sim.calls(PUT), 1, "expected nothing to be sent again");
    assert_eq!(sim.visible("once").len(), 1);
}

#[tokio::test]
async fn what_a_person_says_is_absent_is_sent_again_as_it_was() {
    let (sim, stage) = simulated().await;
    stage.without_pace().await;
    stage.sql.run("UPDATE crier.platform_policy SET breaker_failures = NULL").await;
    let _crierd = stage.deployment.start().await;
    sim.fault(PUT, Fault::DropBeforeCommit);
    sim.plan(Rule::once("bluesky", LOOK, Fault::ServerError).times(100));
    let post = stage.post("found out by a person").await;
    let target = stage.ended(post).await;
    assert_eq!(target["state"], "unconfirmed", "{target}");
    assert_eq!(sim.calls(PUT), 1, "expected nothing to be sent again without a look");
    let frozen = "SELECT platform_key, request FROM crier.post_target";
    let before = stage.sql.text(frozen).await;
    sim.forget_faults();
    stage.sql.text("SELECT crier.resolve_target(id, 'absent') FROM crier.post_target").await;
    let target = stage.published(post).await;
    assert_eq!((sim.visible("found out by a person").len(), sim.calls(PUT)), (1, 2), "{target}");
    assert_eq!(stage.sql.text(frozen).await, before);
}

#[tokio::test]
async fn a_hostile_answer_is_an_outcome_like_any_other() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    sim.fault(PUT, Fault::NulError);
    let refused = stage.ended(stage.post("refused").await).await;
    assert_eq!(refused["state"], "failed", "{refused}");
    assert_eq!(refused["error"]["class"], "content_invalid", "{refused}");
    let message = refused["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("before") && message.contains("after"), "{refused}");
    assert_eq!(refused["attempts"], 1, "expected the first report to be accepted: {refused}");

    // an expired token is one, whatever else is in the answer
    sim.fault(PUT, Fault::OddError);
    let target = stage.ended(stage.post("refreshed").await).await;
    assert_eq!(target["state"], "published", "{target}");
    assert_eq!(target["attempts"], 1, "{target}");
    assert_eq!(sim.calls("com.atproto.server.refreshSession"), 1);
    assert_eq!((sim.visible("refused").len(), sim.visible("refreshed").len()), (0, 1));

    // and where it isn't known what became of a send: the second look's answer is what is reported
    sim.fault(PUT, Fault::DropAfterCommit);
    sim.plan(Rule::once("bluesky", LOOK, Fault::NulError).times(2));
    let target = stage.ended(stage.post("looked for").await).await;
    assert_eq!((&target["state"], sim.visible("looked for").len()), (&json!("published"), 1), "{target}");
    let class = "SELECT count(*) FROM crier.jobs WHERE error ->> 'class' = 'lease_lost'";
    assert_eq!(stage.sql.text(class).await, "0", "expected every try to be answered for");
    assert_eq!(sim.faults_left(), 0);
}

#[tokio::test]
async fn without_the_frozen_key_the_same_crash_publishes_twice() {
    // the negative control: if this saw one post, the test above would prove nothing
    let (sim, stage) = simulated().await;
    sim.fault(PUT, Fault::HoldAfterCommit);
    let post = kill_while_held(&sim, &stage).await;
    backdoor::forget_intent(&stage.sql, post).await;
    let _crierd = stage.deployment.start().await;
    stage.published(post).await;
    assert_eq!(sim.visible("once").len(), 2);
}

/// Posts, kills the sidecar between the platform's commit and our record of it, and lets its lease run out.
async fn kill_while_held(sim: &Sim, stage: &Stage) -> Uuid {
    let crierd = stage.deployment.start().await;
    let post = stage.post("once").await;
    held(sim).await;
    assert_eq!(stage.target(post).await["state"], "committing");
    assert_eq!(sim.visible("once").len(), 1);
    crierd.kill();
    sim.release();
    backdoor::lapse_leases(&stage.sql).await;
    post
}

#[tokio::test]
async fn killed_before_the_platforms_commit() {
    let (sim, stage) = simulated().await;
    sim.plan(Rule::once("bluesky", PUT, Fault::Delay).seconds(3_600.0));
    let crierd = stage.deployment.start().await;
    let post = stage.post("once").await;
    wait_until("the number of sent records", 1, async || sim.calls(PUT)).await;
    crierd.kill();
    backdoor::lapse_leases(&stage.sql).await;
    assert_eq!(sim.visible("once").len(), 0);
    let _crierd = stage.deployment.start().await;
    stage.published(post).await;
    assert_eq!(sim.visible("once").len(), 1);
}

#[tokio::test]
async fn frozen_past_its_lease_while_another_takes_over() {
    let (sim, stage) = simulated().await;
    sim.fault(PUT, Fault::HoldAfterCommit);
    let zombie = stage.deployment.start().await;
    let post = stage.post("once").await;
    held(&sim).await;
    zombie.freeze();
    backdoor::lapse_leases(&stage.sql).await;
    let _other = stage.deployment.start().await;
    let target = stage.published(post).await;
    let events = "SELECT kind, count(*) FROM crier.events WHERE kind LIKE 'post_%' GROUP BY 1";
    assert_eq!(stage.sql.text(events).await, "post_published|1");
    zombie.thaw();
    sim.release();
    // when it has ended, the late answer has been dealt with
    zombie.terminate();
    assert!(zombie.ended().await.success());
    assert_eq!(stage.target(post).await, target, "expected the late answer to change nothing");
    assert_eq!(stage.sql.text(events).await, "post_published|1");
    assert_eq!(sim.visible("once").len(), 1);
}

#[tokio::test]
async fn the_database_crashes_while_the_answer_is_under_way() {
    let sim = Sim::start();
    let mut stage = Stage::on_simulator(&sim, Database::private().await).await;
    let _crierd = stage.deployment.start().await;
    sim.fault(PUT, Fault::HoldAfterCommit);
    let post = stage.post("once").await;
    held(&sim).await;
    stage.database.server().crash_and_restart();
    sim.release();
    stage.reconnect().await;
    stage.published(post).await;
    assert_eq!(sim.visible("once").len(), 1);
    // and the same process goes on working
    let next = stage.post("next").await;
    stage.published(next).await;
    assert_eq!(sim.visible("next").len(), 1);
}

#[tokio::test]
async fn the_answer_comes_while_the_database_is_down() {
    let sim = Sim::start();
    let mut stage = Stage::on_simulator(&sim, Database::private().await).await;
    let crierd = stage.deployment.start().await;
    sim.fault(PUT, Fault::HoldAfterCommit);
    let post = stage.post("once").await;
    held(&sim).await;
    stage.database.server().stop("immediate");
    sim.release();
    let log = async || crierd.log().contains("outcomes wait for the database");
    wait_until("the outcome waiting for the database", true, log).await;
    stage.database.server().start();
    stage.reconnect().await;
    let target = stage.published(post).await;
    assert_eq!(sim.visible("once").len(), 1);
    assert_eq!(target["attempts"], 1, "expected the outcome to survive the outage: {target}");
}

#[tokio::test]
async fn a_stop_finishes_what_is_being_sent() {
    let (sim, stage) = simulated().await;
    sim.plan(Rule::once("bluesky", PUT, Fault::Delay).seconds(2.0));
    let crierd = stage.deployment.start().await;
    let post = stage.post("once").await;
    wait_until("the number of sent records", 1, async || sim.calls(PUT)).await;
    crierd.terminate();
    let status = crierd.ended().await;
    assert!(status.success(), "expected exit status 0 after SIGTERM, got {status}");
    assert_eq!(stage.target(post).await["state"], "published", "expected the send to be finished");
    assert_eq!(sim.visible("once").len(), 1);
}

#[tokio::test]
async fn a_stop_begins_nothing_and_finishes_what_is_being_sent() {
    let (sim, stage) = simulated().await;
    sim.fault(PUT, Fault::HoldAfterCommit);
    let crierd = stage.deployment.start_with(&[("CRIER_WORKER_CONCURRENCY", "4")]).await;
    let mut posts = vec![stage.post("0").await];
    held(&sim).await;
    // one job of an account at a time: the others are nobody's
    for text in ["1", "2", "3"] {
        posts.push(stage.post(text).await);
    }
    let running = async |count: &str| {
        wait_until("the number of claimed jobs", count.to_owned(), async || {
            stage.sql.text("SELECT count(*) FROM crier.jobs WHERE state = 'running'").await
        })
        .await;
    };
    running("1").await;
    assert_eq!(sim.calls(PUT), 1, "expected the others to wait");
    crierd.terminate();
    sim.release();
    assert!(crierd.ended().await.success());
    let jobs = stage.sql.text("SELECT state, attempt FROM crier.jobs ORDER BY created_at").await;
    assert_eq!(jobs, "completed|1\npending|0\npending|0\npending|0");
    assert_eq!(sim.calls(PUT), 1, "expected nothing to begin during the stop");
    let _crierd = stage.deployment.start().await;
    for (text, post) in ["0", "1", "2", "3"].into_iter().zip(posts) {
        let target = stage.published(post).await;
        assert_eq!(sim.visible(text).len(), 1, "post {text}");
        assert_eq!(target["attempts"], 1, "{target}");
    }
}

#[tokio::test]
async fn two_sidecars_share_the_work() {
    const POSTS: usize = 30;
    let (sim, stage) = simulated().await;
    stage.without_pace().await;
    let _one = stage.deployment.start().await;
    let _two = stage.deployment.start().await;
    for n in 0..POSTS {
        stage.post(&format!("post {n}")).await;
    }
    wait_until("the number of published targets", POSTS.to_string(), async || {
        stage.sql.text("SELECT count(*) FROM crier.post_target WHERE state = 'published'").await
    })
    .await;
    for n in 0..POSTS {
        assert_eq!(sim.visible(&format!("post {n}")).len(), 1, "post {n}");
    }
}

#[tokio::test]
async fn nothing_is_sent_for_a_canceled_post() {
    let (sim, stage) = simulated().await;
    let post = stage.post("never").await;
    let state = stage.sql.text(&format!("SELECT state FROM crier.cancel_post('{post}')")).await;
    assert_eq!(state, "canceled");
    let _crierd = stage.deployment.start().await;
    let later = stage.post("later").await;
    stage.published(later).await;
    assert_eq!(sim.visible("never").len(), 0);
    assert_eq!(stage.target(post).await["state"], "canceled");
}

#[tokio::test]
async fn killed_between_a_real_servers_commit_and_our_record() {
    let pds = Pds::shared();
    let proxy = HoldProxy::start(pds.url());
    let account = pds.add_account("alice").await;
    let database = Database::shared().await;
    let stage = Stage::connected(database, &account.handle, &proxy.url(), &account.app_password).await;

    proxy.plan(PUT, 1, Interference::HoldAnswer);
    let crierd = stage.deployment.start().await;
    let post = stage.post("once").await;
    wait_until("the number of held answers", 1, async || proxy.held()).await;
    assert_eq!(pds.posts(&account.did).await.len(), 1, "expected the server to have the post");
    crierd.kill();
    proxy.release();
    backdoor::lapse_leases(&stage.sql).await;
    let _crierd = stage.deployment.start().await;
    let target = stage.published(post).await;
    let posts = pds.posts(&account.did).await;
    assert_eq!(posts.len(), 1, "expected one post, got {posts:?}");
    assert_eq!(target["external_id"], posts[0]["uri"]);

    for (count, interference) in [(2, Interference::DropAnswer), (3, Interference::DropRequest)] {
        proxy.plan(PUT, 1, interference);
        let post = stage.post(&format!("{interference:?}")).await;
        stage.published(post).await;
        assert_eq!(pds.posts(&account.did).await.len(), count, "{interference:?}");
    }
}
