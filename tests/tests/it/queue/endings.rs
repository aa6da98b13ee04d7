//! How jobs end, and how they come back: retries, limits, snoozes, expiry, cancel, results.

use crier_tests::backdoor;
use serde_json::json;
use uuid::Uuid;

use super::Queue;

#[tokio::test]
async fn a_retry_waits_one_two_four_minutes() {
    let queue = Queue::fresh().await;
    let id: Uuid = queue.0.value("SELECT crier.enqueue('a', max_attempts => 4)", &[]).await;
    for minutes in [1.0, 2.0, 4.0] {
        let (status, wait) = queue.fail(&queue.claim_one().await, "transient").await.expect("accepted");
        let wait = wait.expect("a time");
        assert_eq!(status, "retrying");
        assert!(
            (minutes * 60.0 - 30.0..=minutes * 60.0 + 1.0).contains(&wait),
            "expected {minutes} min, got {wait} s"
        );
        assert_eq!(queue.claim(10).await, [], "expected a retry to wait for its time");
        backdoor::make_retries_due(&queue.0).await;
    }
    let last = queue.fail(&queue.claim_one().await, "transient").await;
    assert_eq!(last, Some(("failed".into(), None)), "expected the fourth of four attempts to be the last");
    let job = queue.job(id).await;
    assert_eq!((&job["state"], &job["attempt"]), (&json!("failed"), &json!(4)));
    assert_eq!(job["error"], json!({"message": "no", "class": "transient"}));
}

#[tokio::test]
async fn a_limit_and_a_snooze_use_up_no_attempt() {
    let queue = Queue::fresh().await;
    let id: Uuid = queue.0.value("SELECT crier.enqueue('a', max_attempts => 1)", &[]).await;
    for _ in 0..3 {
        let claim = queue.claim_one().await;
        assert_eq!(claim.attempt, 1);
        let sql = "SELECT status, run_at = now() + interval '10 minutes' FROM crier.fail_jobs(ARRAY[$1::uuid], \
                   ARRAY[$2::bigint], ARRAY['rate_limited'], ARRAY['{}'::jsonb], ARRAY[now() + interval '10 minutes'])";
        let row = queue.0.row(sql, &[&claim.id, &claim.token]).await;
        assert_eq!(
            (row.get::<_, &str>(0), row.get(1)),
            ("retrying", true),
            "expected the time that was named"
        );
        backdoor::make_all_due(&queue.0).await;
        let claim = queue.claim_one().await;
        assert_eq!(claim.attempt, 1);
        assert_eq!(queue.snooze(&claim).await, 1);
        assert_eq!(queue.claim(10).await, []);
        backdoor::make_all_due(&queue.0).await;
    }
    assert_eq!(queue.job(id).await["attempt"], 0);
}

#[tokio::test]
async fn a_permanent_error_ends_the_job_at_once() {
    let queue = Queue::fresh().await;
    for class in [
        "auth_revoked",
        "permission",
        "content_invalid",
        "duplicate",
        "policy_blocked",
        "target_missing",
        "config",
        "unsupported",
    ] {
        let id = queue.enqueue("a").await;
        assert_eq!(
            queue.fail(&queue.claim_one().await, class).await,
            Some(("failed".into(), None)),
            "{class}"
        );
        assert_eq!(queue.state(id).await, "failed", "{class}");
    }
}

#[tokio::test]
async fn a_job_past_its_expiry_is_never_run() {
    let queue = Queue::fresh().await;
    let sql = "SELECT crier.enqueue('a', expires_at => now() + interval '1 hour')";
    let id: Uuid = queue.0.value(sql, &[]).await;
    backdoor::expire(&queue.0).await;
    assert_eq!(queue.claim(10).await, []);
    let job = queue.job(id).await;
    assert_eq!(
        (&job["state"], &job["error"]["class"], &job["attempt"]),
        (&json!("failed"), &json!("expired"), &json!(0)),
        "{job}"
    );
}

#[tokio::test]
async fn a_canceled_job_is_over_for_its_worker_too() {
    let queue = Queue::fresh().await;
    let (running, waiting, done) =
        (queue.enqueue("a").await, queue.enqueue("b").await, queue.enqueue("c").await);
    let claims = queue.claim(3).await;
    queue.snooze(&claims[1]).await;
    queue.complete(&claims[2]).await;
    let ids = vec![running, waiting, done, Uuid::new_v4()];
    let mut canceled: Vec<Uuid> = queue.0.column("SELECT crier.cancel_jobs($1)", &[&ids]).await;
    canceled.sort();
    assert_eq!(canceled, [running, waiting]);
    assert_eq!(queue.extend(&claims[0]).await, 0);
    assert_eq!(queue.complete(&claims[0]).await, [] as [Uuid; 0]);
    for (id, state) in [(running, "canceled"), (waiting, "canceled"), (done, "completed")] {
        assert_eq!(queue.state(id).await, state);
    }
}

#[tokio::test]
async fn results_are_readable() {
    let queue = Queue::fresh().await;
    let id = queue.enqueue("a").await;
    queue.complete(&queue.claim_one().await).await;
    let job = queue.job(id).await;
    assert_eq!((&job["state"], &job["result"]), (&json!("completed"), &json!({"done": true})));
    assert!(job["finished_at"].is_string(), "{job}");
}
