//! How posts do.

use crier_tests::backdoor;
use crier_tests::sim::fault::Fault;
use crier_tests::wait::{SOON, wait_for};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{On, text_of};

/// Reads the figures of a post now, and gives what `crier.get_post` shows then.
async fn read(on: &On, post: Uuid) -> Value {
    let target = on.stage.target(post).await;
    let id: Uuid = text_of(&target, "id").parse().expect("an id");
    let job: Uuid = on.stage.sql.value("SELECT crier.read_metrics($1)", &[&id]).await;
    wait_for("the job to be completed", SOON, async || {
        backdoor::make_retries_due(&on.stage.sql).await;
        let state: String = on.stage.sql.value("SELECT state FROM crier.jobs WHERE id = $1", &[&job]).await;
        if state == "completed" { Ok(()) } else { Err(state) }
    })
    .await;
    let mut metrics = on.stage.target(post).await["metrics"].clone();
    let read_at = metrics.as_object_mut().and_then(|metrics| metrics.remove("read_at"));
    assert!(read_at.is_some_and(|at| at.is_string()), "{metrics}");
    metrics
}

#[tokio::test]
async fn every_platform_tells_what_it_tells() {
    for (on, like, before, after) in [
        (On::bluesky().await, true, json!([null, 0, 0, 0]), json!([null, 1, 0, 0])),
        (On::mastodon().await, true, json!([null, 0, 0, 0]), json!([null, 1, 0, 0])),
        (On::x().await, false, json!([0, 0, 0, 0]), json!([0, 0, 0, 0])),
        (On::instagram().await, false, json!([0, 0, 0, 0]), json!([0, 0, 0, 0])),
    ] {
        let _crierd = on.start().await;
        let (post, target) = on.published("how does it do").await;
        assert_eq!(target["metrics"], Value::Null);
        let figures =
            |metrics: Value| json!(["views", "likes", "replies", "shares"].map(|name| metrics[name].clone()));
        assert_eq!(figures(read(&on, post).await), before, "{}", on.platform);
        if like {
            on.done(on.act("like", text_of(&target, "external_id"), None).await).await;
        }
        assert_eq!(figures(read(&on, post).await), after, "{}", on.platform);
        assert_eq!(on.stage.sql.text("SELECT count(*) FROM crier.post_metrics").await, "1");
    }
}

#[tokio::test]
async fn a_read_goes_through_faults_and_refreshes() {
    let on = On::bluesky().await;
    let _crierd = on.start().await;
    let (post, _) = on.published("how does it do").await;
    for fault in
        [Fault::DropAfterCommit, Fault::ServerError, Fault::Garbage, Fault::RateLimited, Fault::ExpiredToken]
    {
        on.fault("app.bsky.feed.getPosts", fault);
        read(&on, post).await;
        assert_eq!(on.sim.faults_left(), 0, "{fault:?}");
    }
}

#[tokio::test]
async fn what_is_gone_by_then_is_not_read() {
    let on = On::bluesky().await;
    let crierd = on.start().await;
    let (post, target) = on.published("soon gone").await;
    crierd.kill();
    let id = text_of(&target, "id");
    let job = on.stage.sql.text(&format!("SELECT crier.read_metrics('{id}')")).await;
    assert_eq!(on.stage.sql.text(&format!("SELECT crier.read_metrics('{id}')")).await, job, "one is at it");
    on.stage.sql.run("UPDATE crier.post_target SET deleted_at = now()").await;
    let refusal = on.stage.sql.refusal(&format!("SELECT crier.read_metrics('{id}')")).await;
    assert!(refusal.message.contains("was taken back already"), "{refusal}");
    let _crierd = on.start().await;
    wait_for("the job to be canceled", SOON, async || {
        let state = on.stage.sql.text(&format!("SELECT state FROM crier.jobs WHERE id = '{job}'")).await;
        if state == "canceled" { Ok(()) } else { Err(state) }
    })
    .await;
    assert_eq!(on.stage.target(post).await["metrics"], Value::Null);
    assert_eq!(on.sim.calls("app.bsky.feed.getPosts"), 0);
}
