//! Videos and stories: uploads that take their time, answers that are lost.

use super::*;

/// A post whose last call meets a fault: the first call has the same name.
async fn faulty(sim: &Sim, stage: &Stage, media: Value, settings: Value, call: &str, fault: Fault) -> Uuid {
    let upload = if media == film() { "video.upload" } else { "photo.create" };
    sim.plan(Rule::once("facebook", upload, Fault::HoldAfterCommit));
    let post = post(stage, &format!("{call} {fault:?}"), media, settings).await;
    wait_until("the number of uploads that are held", 1, async || sim.held()).await;
    sim.plan(Rule::once("facebook", call, fault));
    sim.release();
    post
}

#[tokio::test]
async fn a_video_is_waited_for_and_asked_after_a_lost_answer() {
    let (sim, stage) = simulated().await;
    set(&sim, json!({"processing_seconds": 1.5}));
    let _crierd = stage.deployment.start().await;
    for (fault, sends) in
        [(Fault::DropAfterCommit, 1), (Fault::DropBeforeCommit, 2), (Fault::ServerErrorAfterCommit, 1)]
    {
        sim.plan(Rule::once("facebook", "video.publish", fault));
        let (text, before) = (format!("slow {fault:?}"), sim.calls("video.publish"));
        let post = post(&stage, &text, film(), json!({})).await;
        stage.published_once(&sim, post, &text).await;
        assert_eq!((sim.calls("video.publish") - before, sim.faults_left()), (sends, 0), "{fault:?}");
    }
    assert_eq!(sim.calls("video.create"), 3);
}

#[tokio::test]
async fn a_reel_says_itself_whether_it_is_out() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    for (fault, calls) in [
        (Fault::DropAfterCommit, 2),
        (Fault::DropBeforeCommit, 3),
        (Fault::Garbage, 2),
        (Fault::ServerError, 3),
    ] {
        let before = sim.calls("reels");
        let post = faulty(&sim, &stage, film(), json!({"placement": "reel"}), "reels", fault).await;
        stage.published_once(&sim, post, &format!("reels {fault:?}")).await;
        assert_eq!((sim.calls("reels") - before, sim.faults_left()), (calls, 0), "{fault:?}");
    }
}

#[tokio::test]
async fn a_video_that_facebook_can_not_process_is_the_posts_fault() {
    let (sim, stage) = simulated().await;
    set(&sim, json!({"fetch_errors": {VIDEO_FILE: 2_069_019, IMAGE: 1_366_046}}));
    let _crierd = stage.deployment.start().await;
    for (media, settings) in
        [(film(), json!({})), (film(), json!({"placement": "reel"})), (images(1), json!({}))]
    {
        let post = post(&stage, "bad", media, settings).await;
        let target = stage.ended(post).await;
        let shown = sim.platform("facebook").timeline().len();
        // a reel is processed when it was published already, and never shown
        if target["state"] == "failed" {
            assert_eq!((&target["error"]["class"], shown), (&json!("content_invalid"), 0), "{target}");
        } else {
            panic!("{target}");
        }
    }
}

#[tokio::test]
async fn a_story_that_is_listed_is_published_and_one_that_is_not_is_left_to_a_person() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    for (media, call) in [(images(1), "story.create"), (film(), "video_stories")] {
        for (fault, state, count) in
            [(Fault::DropAfterCommit, "published", 1), (Fault::DropBeforeCommit, "unconfirmed", 0)]
        {
            let before = sim.ledger().len();
            let post = faulty(&sim, &stage, media.clone(), json!({"placement": "story"}), call, fault).await;
            let target = stage.ended(post).await;
            let there = sim.ledger().len() - before;
            assert_eq!((&target["state"], there), (&json!(state), count), "{call} {fault:?}: {target}");
        }
    }
}
