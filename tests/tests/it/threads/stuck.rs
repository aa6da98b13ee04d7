//! What waits for a part that does not come out, and how it goes on.

use crier_tests::wait::wait_until;

use super::*;

#[tokio::test]
async fn a_part_that_is_refused_holds_up_the_rest_until_it_is_tried_again() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    fault_after(&sim, 1, PUT, Fault::NulError);
    let post = thread(&stage, "one", &json!(["two", "three"])).await;
    reached(&stage, post, &["published", "failed", "waiting"]).await;
    assert_eq!(state(&stage, post).await, "partly_published");
    assert_eq!(stage.sql.text("SELECT count(*) FROM crier.jobs WHERE finished_at IS NULL").await, "0");
    let dead = "SELECT count(*) FROM crier.retry_jobs(ARRAY(SELECT job_id FROM crier.dead_jobs()))";
    assert_eq!(stage.sql.text(dead).await, "1");
    published(&stage, post, 3).await;
    in_a_row(&sim, &["one", "two", "three"]);
    assert_eq!(stage.sql.text(dead).await, "0", "expected nothing more to try again");
    assert_eq!(state(&stage, post).await, "published");
}

#[tokio::test]
async fn what_failed_after_a_doubt_is_looked_for_before_it_is_sent_again() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    // nothing came, as the look says, and the next send is refused
    sim.fault(PUT, Fault::DropBeforeCommit);
    sim.plan(Rule::once("bluesky", LOOK, Fault::ServerError).times(2));
    sim.fault(PUT, Fault::NulError);
    let post = stage.post("once").await;
    reached(&stage, post, &["failed"]).await;
    let (keys, looks) = ("SELECT platform_key FROM crier.post_target", sim.calls(LOOK));
    let key = stage.sql.text(keys).await;
    stage.sql.text("SELECT crier.retry_jobs(ARRAY(SELECT job_id FROM crier.dead_jobs()))").await;
    published(&stage, post, 1).await;
    assert!(sim.calls(LOOK) > looks, "expected the platform to be asked first");
    assert_eq!(stage.sql.text(keys).await, key, "expected the same key");
    assert_eq!(sim.visible("once").len(), 1);
}

#[tokio::test]
async fn canceled_between_two_parts() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    sim.fault(PUT, Fault::HoldAfterCommit);
    let post = thread(&stage, "one", &json!(["two", "three"])).await;
    wait_until("the number of held answers", 1, async || sim.held()).await;
    let cancel = format!(
        "SELECT string_agg(c.state, ' ' ORDER BY t.part) FROM crier.cancel_post('{post}') c \
                          JOIN crier.post_target t ON t.id = c.target_id"
    );
    assert_eq!(stage.sql.text(&cancel).await, "committing canceled canceled");
    sim.release();
    reached(&stage, post, &["published", "canceled", "canceled"]).await;
    in_a_row(&sim, &["one"]);
    assert_eq!(state(&stage, post).await, "published", "what was canceled is left out");
    assert_eq!(stage.sql.text("SELECT count(*) FROM crier.jobs").await, "1");
}

#[tokio::test]
async fn a_person_says_where_a_part_is_and_the_thread_goes_on() {
    let (sim, stage) = simulated().await;
    stage.sql.run("UPDATE crier.platform_policy SET breaker_failures = NULL").await;
    let _crierd = stage.deployment.start().await;
    sim.fault(PUT, Fault::DropAfterCommit);
    sim.plan(Rule::once("bluesky", LOOK, Fault::ServerError).times(100));
    let post = thread(&stage, "one", &json!(["two"])).await;
    reached(&stage, post, &["unconfirmed", "waiting"]).await;
    assert_eq!(state(&stage, post).await, "unconfirmed");
    sim.forget_faults();
    let resolve = |url: &str| {
        format!("SELECT crier.resolve_target(id, 'published'{url}) FROM crier.post_target WHERE part = 0")
    };
    for nowhere in ["", ", 'https://bsky.app/profile/alice.test'", ", 'https://x.com/alice/status/1'"] {
        let refusal = stage.sql.refusal(&resolve(nowhere)).await;
        assert_eq!(refusal.code, "22023", "{nowhere}");
    }
    let key = sim.ledger()[0].uri.rsplit('/').next().unwrap_or_default().to_owned();
    let there = resolve(&format!(", 'https://bsky.app/profile/alice.test/post/{key}'"));
    assert_eq!(stage.sql.text(&there).await, "published");
    published(&stage, post, 2).await;
    in_a_row(&sim, &["one", "two"]);
    assert_eq!(sim.calls(PUT), 2);
}

#[tokio::test]
async fn parts_are_held_to_the_limits_of_the_account() {
    let (sim, stage) = simulated().await;
    stage
        .sql
        .run("INSERT INTO crier.platform_limit (platform, action, per, max) VALUES ('bluesky', 'publish', '1 hour', 2)")
        .await;
    // no limit of the author's own refuses a part that was accepted with the others
    stage.sql.run("UPDATE crier.job_kind SET user_limit = 1 WHERE kind = 'publish_post'").await;
    let _crierd = stage.deployment.start().await;
    let sql = "SELECT crier.create_post($1, 'one', ARRAY[$2::uuid], author_id => $3, thread => '[\"two\", \"three\"]')";
    let post: Uuid = stage.sql.value(sql, &[&stage.workspace, &stage.account, &Uuid::new_v4()]).await;
    wait_until("the states", vec!["published", "published", "queued"], async || {
        states(&stage, post)
            .await
            .iter()
            .map(|state| match state.as_str() {
                "published" => "published",
                "queued" => "queued",
                _ => "other",
            })
            .collect()
    })
    .await;
    in_a_row(&sim, &["one", "two"]);
    stage.sql.run("DELETE FROM crier.platform_limit").await;
    published(&stage, post, 3).await;
    in_a_row(&sim, &["one", "two", "three"]);
}
