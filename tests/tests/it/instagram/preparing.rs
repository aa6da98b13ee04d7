//! Containers: those that take their time, fail, or expire.

use crier_tests::sim::fault::{Fault, Rule};

use super::*;

async fn post_video(stage: &Stage, content: &str) -> Uuid {
    post(stage, content, json!([{ "url": VIDEO }]), json!({})).await
}

#[tokio::test]
async fn a_video_is_waited_for() {
    let (sim, stage) = simulated_with(json!({ "processing_seconds": 4 })).await;
    let _crierd = stage.deployment.start().await;
    let post = post_video(&stage, "slow").await;
    let target = stage.published_once(&sim, post, "slow").await;
    assert_eq!(target["attempts"], 1, "{target}");
    assert!(sim.calls("container.status") >= 3, "expected it to be asked again and again");
}

#[tokio::test]
async fn a_wait_that_is_cut_short_goes_on_with_the_same_container() {
    let (sim, stage) = simulated_with(json!({ "processing_seconds": 3_600 })).await;
    let crierd = stage.deployment.start().await;
    let post = post_video(&stage, "slow").await;
    wait_for("a container", SOON, async || match sim.calls("container.status") {
        0 => Err(()),
        _ => Ok(()),
    })
    .await;
    crierd.kill();
    backdoor::lapse_leases(&stage.sql).await;
    set(&sim, json!({ "processing_seconds": 0 }));
    let _crierd = stage.deployment.start().await;
    stage.published_once(&sim, post, "slow").await;
    assert_eq!(sim.calls("media.create"), 1);
}

#[tokio::test]
async fn what_fails_by_no_fault_of_the_post_is_made_again() {
    let (sim, stage) = simulated_with(json!({ "fetch_errors": { VIDEO: 2_207_053 } })).await;
    let _crierd = stage.deployment.start().await;
    let post = post_video(&stage, "again").await;
    let failed = stage.waits(post, "transient").await;
    assert_eq!(failed["error"]["code"], "2207053", "{failed}");
    assert_eq!(sim.calls("media.create"), 2, "expected one more container in the same try");
    set(&sim, json!({ "fetch_errors": {} }));
    let target = stage.published_once(&sim, post, "again").await;
    assert_eq!(target["attempts"], 2, "{target}");
}

#[tokio::test]
async fn what_the_platform_does_not_take_fails_for_good() {
    let settings = json!({ "fetch_errors": { VIDEO: 2_207_026, IMAGE: 2_207_052 } });
    let (sim, stage) = simulated_with(settings).await;
    let _crierd = stage.deployment.start().await;
    for (post, code) in [
        (post_video(&stage, "a video").await, "2207026"),
        (post_image(&stage, "an image").await, "9004/2207052"),
    ] {
        let target = stage.ended(post).await;
        assert_eq!(
            (&target["state"], &target["error"]["class"]),
            (&json!("failed"), &json!("content_invalid"))
        );
        assert_eq!((&target["error"]["code"], &target["attempts"]), (&json!(code), &json!(1)), "{target}");
    }
    assert_eq!((sim.ledger().len(), sim.calls(PUBLISH)), (0, 0));
}

#[tokio::test]
async fn a_container_that_expires_before_it_is_ready_is_made_again() {
    let (sim, stage) = simulated_with(json!({ "processing_seconds": 3_600, "container_seconds": 1 })).await;
    let _crierd = stage.deployment.start().await;
    let post = post_video(&stage, "again").await;
    stage.waits(post, "transient").await;
    set(&sim, json!({ "processing_seconds": 0, "container_seconds": 86_400 }));
    stage.published_once(&sim, post, "again").await;
}

#[tokio::test]
async fn a_container_that_expires_after_it_was_to_be_published_is_made_again() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    sim.plan(Rule::once("instagram", PUBLISH, Fault::RateLimited));
    let post = post_image(&stage, "again").await;
    stage.waits(post, "rate_limited").await;
    set(&sim, json!({ "container_seconds": 0 }));
    stage.unblock().await;
    backdoor::make_retries_due(&stage.sql).await;
    let expired = stage.waits(post, "transient").await;
    assert_eq!(expired["error"]["code"], "-2/2207020", "{expired}");
    set(&sim, json!({ "container_seconds": 86_400 }));
    stage.published_once(&sim, post, "again").await;
    assert_eq!(sim.calls("media.create"), 2);
}

#[tokio::test]
async fn nothing_is_made_while_the_quota_is_used_up() {
    let (sim, stage) = simulated_with(json!({ "daily_quota": 0 })).await;
    let _crierd = stage.deployment.start().await;
    let post = post_image(&stage, "tomorrow").await;
    stage.waits(post, "quota_exhausted").await;
    assert_eq!(sim.calls("media.create"), 0);
    set(&sim, json!({ "daily_quota": 1 }));
    stage.unblock().await;
    let target = stage.published_once(&sim, post, "tomorrow").await;
    assert_eq!(target["attempts"], 1, "expected a quota to use up no attempt: {target}");
}

#[tokio::test]
async fn faults_while_preparing_publish_nothing_twice() {
    let (sim, stage) = simulated_with(json!({ "refresh_after_seconds": 0 })).await;
    let _crierd = stage.deployment.start().await;
    for call in ["publishing_limit", "media.create", "container.status"] {
        for fault in
            [Fault::DropAfterCommit, Fault::Garbage, Fault::ServerErrorAfterCommit, Fault::ExpiredToken]
        {
            sim.plan(Rule::once("instagram", call, fault));
            let text = format!("{call} {fault:?}");
            let post = post_image(&stage, &text).await;
            stage.published_once(&sim, post, &text).await;
            assert_eq!(sim.faults_left(), 0, "{text}");
        }
    }
}
