//! What a transaction does to the queue is nobody else's until it commits, and is gone when it does not.

use crier_tests::cluster::Database;
use serde_json::json;
use uuid::Uuid;

use super::Queue;

#[tokio::test]
async fn a_savepoint_takes_back_what_was_done_after_it() {
    let database = Database::shared().await;
    let (queue, other) = (Queue::open(&database).await, Queue::open(&database).await);
    let before = queue.enqueue("before").await;
    queue.0.run("BEGIN").await;
    let kept = queue.enqueue("kept").await;
    queue.0.run("SAVEPOINT s").await;
    let dropped = queue.enqueue("dropped").await;
    let claims = queue.claim(10).await;
    assert_eq!(claims.iter().map(|claim| claim.id).collect::<Vec<_>>(), [before, kept, dropped]);
    queue.complete(&claims[0]).await;
    queue.snooze(&claims[1]).await;
    queue.0.run("ROLLBACK TO s").await;
    assert_eq!(queue.state(kept).await, "pending");
    assert_eq!(other.claim(10).await[0].id, before, "expected a claim that was undone to be anybody's");
    let mine = queue.claim(10).await;
    assert_eq!(
        mine.iter().map(|claim| claim.id).collect::<Vec<_>>(),
        [kept],
        "expected its own job to be left"
    );
    queue.0.run("ROLLBACK TO s; COMMIT").await;
    assert_eq!(other.claim_one().await.id, kept);
    assert_eq!(queue.0.text("SELECT count(*) FROM crier.jobs").await, "2");
}

#[tokio::test]
async fn a_caught_error_takes_back_what_was_done_in_its_block() {
    let queue = Queue::fresh().await;
    let sql = "DO $do$ BEGIN
        PERFORM crier.enqueue('outer');
        BEGIN
            PERFORM crier.enqueue('inner');
            PERFORM crier.complete_jobs(array_agg(job_id), array_agg(token)) FROM crier.claim_jobs('w', 10);
            RAISE EXCEPTION 'no';
        EXCEPTION WHEN raise_exception THEN NULL;
        END;
    END $do$";
    queue.0.run(sql).await;
    assert_eq!(queue.0.text("SELECT kind, state, attempt FROM crier.jobs").await, "outer|pending|0");
    assert_eq!(queue.claim_one().await.attempt, 1);
}

#[tokio::test]
async fn a_rollback_leaves_everything_as_it_was() {
    let queue = Queue::fresh().await;
    let ids = queue.enqueue_many(&json!([{"kind": "a"}, {"kind": "b"}, {"kind": "c"}, {"kind": "d"}])).await;
    let claims = queue.claim(4).await;
    let all = "SELECT jsonb_agg(to_jsonb(j) ORDER BY id) FROM crier.jobs j";
    let before = queue.0.text(all).await;
    queue.0.run("BEGIN").await;
    queue.complete(&claims[0]).await;
    queue.fail(&claims[1], "transient").await;
    queue.snooze(&claims[2]).await;
    let canceled: Vec<Uuid> = queue.0.column("SELECT crier.cancel_jobs($1)", &[&vec![ids[3]]]).await;
    assert_eq!(canceled, [ids[3]]);
    assert_eq!(
        queue.0.text("SELECT string_agg(state, ' ' ORDER BY id) FROM crier.jobs").await,
        "completed retrying retrying canceled"
    );
    queue.0.run("ROLLBACK").await;
    assert_eq!(queue.0.text(all).await, before);
    for claim in &claims {
        assert_eq!(queue.complete(claim).await, [claim.id], "expected every lease to be back");
    }
}

#[tokio::test]
async fn an_answer_waits_for_the_transaction_that_has_its_job() {
    let database = Database::shared().await;
    let (first, second) = (Queue::open(&database).await, Queue::open(&database).await);
    let id = first.enqueue("a").await;
    let claim = first.claim_one().await;
    first.0.run("BEGIN").await;
    assert_eq!(first.complete(&claim).await, [id]);
    let waiting = {
        let claim = claim.clone();
        tokio::spawn(async move { second.complete(&claim).await })
    };
    first.0.run("COMMIT").await;
    assert_eq!(waiting.await.expect("an answer"), [] as [Uuid; 0], "expected one outcome");
    assert_eq!(first.state(id).await, "completed");
}

#[tokio::test]
async fn what_has_worked_on_the_queue_is_not_prepared() {
    let database = Database::private_with(&[("max_prepared_transactions", "5")]).await;
    let queue = Queue::open(&database).await;
    queue.0.run("BEGIN; SELECT crier.enqueue('a')").await;
    let refused = queue.0.refusal("PREPARE TRANSACTION 'x'").await;
    assert_eq!(
        (refused.code.as_str(), refused.detail.as_str()),
        ("0A000", "prepared_transaction"),
        "{refused}"
    );
    queue.0.run("ROLLBACK").await;
    assert_eq!(queue.claim(1).await, []);
    queue.0.run("BEGIN; CREATE TABLE t (); PREPARE TRANSACTION 'y'").await;
    queue.0.run("ROLLBACK PREPARED 'y'").await;
}

#[tokio::test]
async fn a_claim_sees_what_is_committed_whatever_its_snapshot() {
    let database = Database::shared().await;
    let (queue, other) = (Queue::open(&database).await, Queue::open(&database).await);
    queue.0.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM crier.jobs").await;
    let id = other.enqueue("later").await;
    let claim = queue.claim_one().await;
    assert_eq!(claim.id, id);
    assert_eq!(queue.complete(&claim).await, [id]);
    queue.0.run("COMMIT").await;
    assert_eq!(other.state(id).await, "completed");
}

#[tokio::test]
async fn a_session_that_ends_in_the_middle_leaves_nothing() {
    let database = Database::shared().await;
    let (queue, operator) = (Queue::open(&database).await, Queue::open(&database).await);
    let id = queue.enqueue("a").await;
    queue.0.run("BEGIN; SELECT crier.enqueue('b')").await;
    assert_eq!(queue.claim(1).await[0].id, id);
    let pid: i32 = queue.0.value("SELECT pg_backend_pid()", &[]).await;
    operator.0.rows("SELECT pg_terminate_backend($1, 60000)", &[&pid]).await;
    assert_eq!(operator.claim_one().await.id, id);
}
