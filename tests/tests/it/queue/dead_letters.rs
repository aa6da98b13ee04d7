//! What failed for good stays until a person says what becomes of it.

use serde_json::json;
use uuid::Uuid;

use super::Queue;

async fn dead(queue: &Queue, sql: &str) -> Vec<Uuid> {
    queue.0.column(&format!("SELECT job_id FROM crier.dead_jobs({sql})"), &[]).await
}

async fn kill(queue: &Queue, kind: &str, class: &str) -> Uuid {
    let id = queue.enqueue(kind).await;
    queue.fail(&queue.claim_one().await, class).await.expect("accepted");
    id
}

#[tokio::test]
async fn they_are_listed_newest_first_and_page_by_page() {
    let queue = Queue::fresh().await;
    let mut ids = Vec::new();
    for (kind, class) in [("a", "config"), ("b", "config"), ("a", "unsupported")] {
        ids.push(kill(&queue, kind, class).await);
    }
    queue.enqueue("alive").await;
    ids.reverse();
    assert_eq!(dead(&queue, "").await, ids);
    assert_eq!(dead(&queue, "kinds => '{a}'").await, [ids[0], ids[2]]);
    assert_eq!(dead(&queue, "classes => '{config}'").await, [ids[1], ids[2]]);
    assert_eq!(dead(&queue, "max => 2").await, ids[..2]);
    assert_eq!(dead(&queue, &format!("before => '{}'", ids[1])).await, ids[2..]);
}

#[tokio::test]
async fn a_dead_job_lives_again_with_all_its_attempts() {
    let queue = Queue::fresh().await;
    let id = kill(&queue, "a", "config").await;
    let retry = "SELECT crier.retry_jobs($1)";
    assert_eq!(queue.0.column::<Uuid>(retry, &[&vec![id, Uuid::new_v4()]]).await, [id]);
    let job = queue.job(id).await;
    assert_eq!((&job["state"], &job["attempt"]), (&json!("retrying"), &json!(0)), "{job}");
    assert_eq!(job["error"]["class"], "config", "expected what went wrong to stay readable");
    let claim = queue.claim_one().await;
    assert_eq!((claim.id, claim.attempt), (id, 1));
    assert_eq!(
        queue.0.column::<Uuid>(retry, &[&vec![id]]).await,
        [] as [Uuid; 0],
        "expected a running job to be left alone"
    );
    queue.complete(&claim).await;
    assert_eq!(queue.0.column::<Uuid>(retry, &[&vec![id]]).await, [] as [Uuid; 0]);
    assert_eq!(queue.state(id).await, "completed");
    assert_eq!(dead(&queue, "").await, [] as [Uuid; 0]);
}

#[tokio::test]
async fn a_waiting_job_is_due_at_once() {
    let queue = Queue::fresh().await;
    let near: Uuid =
        queue.0.value("SELECT crier.enqueue('a', run_at => now() + interval '1 minute')", &[]).await;
    let far: Uuid =
        queue.0.value("SELECT crier.enqueue('a', run_at => now() + interval '1 year')", &[]).await;
    assert_eq!(queue.claim(10).await, []);
    queue.0.rows("SELECT crier.retry_jobs($1)", &[&vec![near, far]]).await;
    let ids: Vec<_> = queue.claim(10).await.into_iter().map(|claim| claim.id).collect();
    assert_eq!(ids, [near, far]);
}

#[tokio::test]
async fn a_key_that_is_taken_keeps_a_dead_job_dead() {
    let queue = Queue::fresh().await;
    let enqueue = "SELECT crier.enqueue('a', dedupe_key => 'k')";
    let first: Uuid = queue.0.value(enqueue, &[]).await;
    queue.fail(&queue.claim_one().await, "config").await;
    let second: Uuid = queue.0.value(enqueue, &[]).await;
    assert_ne!(first, second);
    let retry = "SELECT crier.retry_jobs($1)";
    assert_eq!(queue.0.column::<Uuid>(retry, &[&vec![first]]).await, [] as [Uuid; 0]);
    queue.complete(&queue.claim_one().await).await;
    assert_eq!(queue.0.column::<Uuid>(retry, &[&vec![first]]).await, [first]);
    assert_eq!(queue.0.value::<Uuid>(enqueue, &[]).await, first, "expected it to have its key again");
}

#[tokio::test]
async fn purged_is_gone() {
    let queue = Queue::fresh().await;
    let id = kill(&queue, "a", "config").await;
    let alive = queue.enqueue("b").await;
    let purge = "SELECT crier.purge_jobs($1)";
    assert_eq!(queue.0.column::<Uuid>(purge, &[&vec![id, alive]]).await, [id]);
    assert_eq!(queue.0.column::<Uuid>("SELECT id FROM crier.jobs", &[]).await, [alive]);
    let left = "SELECT (SELECT count(*) FROM crier.job_outcome) + (SELECT count(*) FROM crier.job_retry)";
    assert_eq!(queue.0.text(left).await, "0");
}
