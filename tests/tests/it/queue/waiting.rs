//! Workers that wait for work, and answers and questions in one round trip.

use std::time::Instant;

use crier_tests::cluster::Database;
use crier_tests::wait::{SOON, wait_for, wait_until};
use serde_json::json;
use uuid::Uuid;

use super::Queue;

const WAIT: &str = "SELECT job_id, token, attempt FROM crier.claim_jobs('w', 5, wait => '1 second')";

#[tokio::test]
async fn a_commit_ends_the_wait_of_a_worker() {
    let database = Database::shared().await;
    let (queue, watcher) = (Queue::open(&database).await, Queue::open(&database).await);
    let waiting = tokio::spawn({
        let database = database.clone();
        async move {
            let worker = Queue::open(&database).await;
            // each wait is a second at most: however busy the machine is, one of them meets the job
            loop {
                let claims: Vec<Uuid> = worker.0.column(WAIT, &[]).await;
                if !claims.is_empty() {
                    return claims;
                }
            }
        }
    });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Extension' AND datname = current_database()";
    wait_until("a worker that waits", "1".to_owned(), async || watcher.0.text(waits).await).await;
    let id = queue.enqueue("a").await;
    assert_eq!(waiting.await.expect("the worker"), [id]);
}

#[tokio::test]
async fn a_wait_without_work_ends_empty_and_one_with_work_is_none() {
    let queue = Queue::fresh().await;
    let start = Instant::now();
    assert_eq!(queue.0.column::<Uuid>(WAIT, &[]).await, [] as [Uuid; 0]);
    assert!(start.elapsed().as_millis() >= 990, "expected it to wait: {:?}", start.elapsed());
    let id = queue.enqueue("a").await;
    assert_eq!(queue.0.column::<Uuid>(WAIT, &[]).await, [id]);
    let soon: Uuid = queue
        .0
        .value("SELECT crier.enqueue('a', run_at => clock_timestamp() + interval '100 milliseconds')", &[])
        .await;
    assert_eq!(queue.0.column::<Uuid>(WAIT, &[]).await, [soon], "expected it to wait for what falls due");
}

#[tokio::test]
async fn one_round_trip_answers_and_asks() {
    let queue = Queue::fresh().await;
    let ids = queue.enqueue_many(&json!([{"kind": "a"}, {"kind": "b"}, {"kind": "c"}, {"kind": "d"}])).await;
    let claims = queue.claim(3).await;
    let sql = "SELECT status, job_id, token, kind FROM crier.exchange('w', 5, \
               completed => ARRAY[$1::uuid, $2], completed_tokens => ARRAY[$3::bigint, 0], \
               results => ARRAY['{\"n\": 1}'::jsonb, NULL], \
               failed => ARRAY[$4::uuid], failed_tokens => ARRAY[$5::bigint], classes => ARRAY['config'], \
               errors => ARRAY['{}'::jsonb])";
    let params: crier_tests::session::Params<'_> =
        &[&claims[0].id, &claims[1].id, &claims[0].token, &claims[2].id, &claims[2].token];
    let rows = queue.0.rows(sql, params).await;
    let seen: Vec<(String, Uuid, bool, Option<String>)> = rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get::<_, Option<i64>>(2).is_some(), row.get(3)))
        .collect();
    assert_eq!(
        seen,
        [
            ("completed".into(), ids[0], false, None),
            ("failed".into(), ids[2], false, None),
            ("running".into(), ids[3], true, Some("d".into())),
        ],
        "expected the stale answer to be missing"
    );
    assert_eq!(queue.job(ids[0]).await["result"], json!({"n": 1}));
    assert_eq!(queue.state(ids[1]).await, "running");
}

#[tokio::test]
async fn answers_do_not_wait_for_work() {
    let queue = Queue::fresh().await;
    let sql = "SELECT status FROM crier.exchange('w', 5, completed => ARRAY[$1::uuid], completed_tokens => ARRAY[$2::bigint], wait => '1 second')";
    // each would take a second if it waited; one that was quick is enough, the machine may be busy
    wait_for("an answer that is committed at once", SOON, async || {
        let id = queue.enqueue("a").await;
        let claim = queue.claim_one().await;
        let start = Instant::now();
        assert_eq!(queue.0.column::<String>(sql, &[&id, &claim.token]).await, ["completed"]);
        let took = start.elapsed();
        if took.as_millis() < 900 { Ok(()) } else { Err(took) }
    })
    .await;
}

#[tokio::test]
async fn only_the_first_commit_after_an_empty_claim_notifies() {
    let database = Database::shared().await;
    let (queue, listener) = (Queue::open(&database).await, database.connect().await);
    listener.run("LISTEN crier_jobs").await;
    queue.claim(1).await;
    for _ in 0..20 {
        queue.enqueue("a").await;
    }
    queue.0.run("NOTIFY crier_jobs, 'end'").await;
    let mut payloads = Vec::new();
    while payloads.last().is_none_or(|last: &String| last != "end") {
        payloads.push(listener.next_notification().await.expect("a notification").payload().to_owned());
    }
    assert_eq!(payloads, ["", "end"]);
    assert_eq!(queue.claim(30).await.len(), 20);
    queue.enqueue("b").await;
    assert_eq!(
        listener.next_notification().await.expect("a notification").payload(),
        "",
        "expected one who found less than he could carry to be called"
    );
}
