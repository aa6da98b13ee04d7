//! What is lost, refused or held up around the publish.

use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::wait::wait_until;

use super::*;

fn plan(sim: &Sim, fault: Fault) {
    sim.plan(Rule::once("instagram", PUBLISH, fault));
}

#[tokio::test]
async fn one_fault_of_any_kind() {
    let (sim, stage) = simulated_with(json!({ "refresh_after_seconds": 0 })).await;
    let _crierd = stage.deployment.start().await;
    for (fault, sends) in [
        (Fault::DropBeforeCommit, 2),
        (Fault::DropAfterCommit, 1),
        (Fault::ServerError, 2),
        (Fault::ServerErrorAfterCommit, 1),
        (Fault::Garbage, 1),
        (Fault::Unauthorized, 2),
        (Fault::ExpiredToken, 2),
        (Fault::OddError, 2),
        (Fault::VisibleLater, 1),
    ] {
        plan(&sim, fault);
        let (text, before) = (format!("{fault:?}"), sim.calls(PUBLISH));
        let post = post_image(&stage, &text).await;
        if fault == Fault::VisibleLater {
            // the permalink can't be read yet either
            let target = stage.ended(post).await;
            assert_eq!((&target["state"], sim.visible(&text).len()), (&json!("published"), 1), "{target}");
        } else {
            stage.published_once(&sim, post, &text).await;
        }
        assert_eq!(sim.calls(PUBLISH) - before, sends, "{fault:?}");
        assert_eq!(sim.faults_left(), 0, "{fault:?}");
    }
    no_token_is_told(&sim, &stage);
}

#[tokio::test]
async fn a_lost_answer_to_a_post_that_is_in_no_list_yet() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let later = |seconds| sim.platform("instagram").publish_later(std::time::Duration::from_secs(seconds));
    for (text, seconds) in [("soon", 3), ("much later", 3_600)] {
        later(seconds);
        plan(&sim, Fault::DropAfterCommit);
        let post = post_image(&stage, text).await;
        let target = stage.ended(post).await;
        let [entry] = &sim.visible(text)[..] else { panic!("{:?}", sim.ledger()) };
        assert_eq!(target["state"], "published", "{target}");
        let known = seconds < 60;
        let url = if known { entry.uri.as_str() } else { "https://www.instagram.com/alice.test/" };
        assert_eq!(target["url"], url, "{target}");
        // the container stands in for a post without a name
        assert_eq!(target["external_id"] == json!(entry.key), !known, "{target}");
    }
    assert_eq!(sim.calls(PUBLISH), 2);
}

#[tokio::test]
async fn a_lost_answer_to_a_story_a_reel_and_a_carousel() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let (image, video) = (json!({ "url": IMAGE }), json!({ "url": VIDEO }));
    for (text, media, settings) in [
        ("", json!([image]), json!({ "placement": "story" })),
        ("a reel", json!([video]), json!({})),
        ("a carousel", json!([image, video]), json!({})),
    ] {
        plan(&sim, Fault::DropAfterCommit);
        let post = post(&stage, text, media, settings).await;
        stage.published_once(&sim, post, text).await;
    }
    assert_eq!(sim.calls(PUBLISH), 3);
}

#[tokio::test]
async fn killed_after_the_platforms_commit() {
    let (sim, stage) = simulated().await;
    plan(&sim, Fault::HoldAfterCommit);
    let crierd = stage.deployment.start().await;
    let post = post_image(&stage, "once").await;
    wait_until("the number of held answers", 1, async || sim.held()).await;
    assert_eq!(stage.target(post).await["state"], "committing");
    crierd.kill();
    sim.release();
    backdoor::lapse_leases(&stage.sql).await;
    let _crierd = stage.deployment.start().await;
    let target = stage.published_once(&sim, post, "once").await;
    assert_eq!(target["attempts"], 2, "expected a second try that asked the platform: {target}");
    assert_eq!(sim.calls(PUBLISH), 1, "expected nothing to be sent again");
}

#[tokio::test]
async fn killed_before_the_platforms_commit() {
    let (sim, stage) = simulated().await;
    sim.plan(Rule::once("instagram", PUBLISH, Fault::Delay).seconds(3_600.0));
    let crierd = stage.deployment.start().await;
    let post = post_image(&stage, "once").await;
    wait_until("the number of sends", 1, async || sim.calls(PUBLISH)).await;
    crierd.kill();
    backdoor::lapse_leases(&stage.sql).await;
    let _crierd = stage.deployment.start().await;
    stage.published_once(&sim, post, "once").await;
    assert_eq!(sim.calls("media.create"), 1, "expected the same container to be published");
}

#[tokio::test]
async fn a_container_that_was_published_behind_our_back() {
    // A database that was restored, or a failover that lost the intent: what was prepared is all that is known.
    let (sim, stage) = simulated().await;
    plan(&sim, Fault::HoldAfterCommit);
    let crierd = stage.deployment.start().await;
    let post = post_image(&stage, "once").await;
    wait_until("the number of held answers", 1, async || sim.held()).await;
    crierd.kill();
    sim.release();
    backdoor::lapse_leases(&stage.sql).await;
    backdoor::forget_intent(&stage.sql, post).await;
    let _crierd = stage.deployment.start().await;
    stage.published_once(&sim, post, "once").await;
}

#[tokio::test]
async fn a_limit_holds_the_account_up_for_as_long_as_the_platform_says() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    sim.plan(Rule::once("instagram", PUBLISH, Fault::RateLimited).seconds(180.0));
    let post = post_image(&stage, "limited").await;
    stage.waits(post, "rate_limited").await;
    let left =
        "SELECT round(extract(epoch FROM max(run_at) - now()) / 60) FROM crier.jobs WHERE state = 'retrying'";
    assert_eq!(stage.sql.text(left).await, "3", "expected the minutes of the usage header");
    assert!(sim.visible("limited").is_empty());
    stage.unblock().await;
    let target = stage.published_once(&sim, post, "limited").await;
    assert_eq!(target["attempts"], 1, "expected a limit to use up no attempt: {target}");
    assert_eq!(sim.calls("media.create"), 1);
}

#[tokio::test]
async fn a_spam_block_is_not_believed_before_the_platform_was_asked() {
    let (sim, stage) = simulated_with(json!({ "errors_after": { PUBLISH: 2_207_051 } })).await;
    let _crierd = stage.deployment.start().await;
    let live = post_image(&stage, "live all the same").await;
    stage.published_once(&sim, live, "live all the same").await;
    set(&sim, json!({ "errors_after": {}, "errors": { PUBLISH: 2_207_051 } }));
    let blocked = post_image(&stage, "blocked").await;
    stage.waits(blocked, "outcome_unknown").await;
    let far = "SELECT max(run_at) - now() > interval '50 minutes' FROM crier.jobs WHERE state = 'retrying'";
    assert_eq!(stage.sql.text(far).await, "t", "expected a long pause");
    set(&sim, json!({ "errors": {} }));
    stage.published_once(&sim, blocked, "blocked").await;
}
