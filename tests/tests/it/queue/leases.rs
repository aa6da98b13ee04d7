//! One worker a job: claims, leases and tokens.

use std::collections::BTreeSet;
use std::time::Duration;

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::wait::{SOON, wait_for, wait_until};
use serde_json::json;
use uuid::Uuid;

use super::{Claim, Queue};

#[tokio::test]
async fn claimers_at_once_never_share_a_job() {
    const JOBS: usize = 400;
    let database = Database::shared().await;
    let queue = Queue::open(&database).await;
    let all =
        queue.enqueue_many(&(0..JOBS).map(|n| json!({"kind": "k", "params": {"n": n}})).collect()).await;
    let claimers = (0..6).map(|_| {
        let database = database.clone();
        tokio::spawn(async move {
            let queue = Queue::open(&database).await;
            let mut mine = Vec::new();
            loop {
                // an empty answer may only mean that the others hold what is left
                let claims = queue.claim(7).await;
                if claims.is_empty()
                    && queue.0.text("SELECT count(*) FROM crier.jobs WHERE state = 'pending'").await == "0"
                {
                    return mine;
                }
                for claim in claims {
                    assert_eq!(queue.complete(&claim).await, [claim.id]);
                    mine.push(claim.id);
                }
            }
        })
    });
    let mut claimed = Vec::new();
    for claimer in claimers.collect::<Vec<_>>() {
        claimed.extend(claimer.await.expect("a claimer"));
    }
    assert_eq!(claimed.len(), JOBS, "expected every job to be claimed once");
    assert_eq!(claimed.into_iter().collect::<BTreeSet<_>>(), all.into_iter().collect());
    let finished = queue
        .0
        .text("SELECT state, count(*), sum(attempt), count(DISTINCT id) FROM crier.jobs GROUP BY 1")
        .await;
    assert_eq!(finished, format!("completed|{JOBS}|{JOBS}|{JOBS}"));
}

#[tokio::test]
async fn a_stale_token_changes_nothing() {
    let queue = Queue::fresh().await;
    let id = queue.enqueue("a").await;
    let first = queue.claim_one().await;
    backdoor::lapse_leases(&queue.0).await;
    let second = queue.claim_one().await;
    assert_eq!(second.id, id);
    assert_eq!((first.attempt, second.attempt), (1, 2), "expected a lost lease to use up an attempt");
    assert_ne!(first.token, second.token);
    let before = queue.job(id).await;
    assert_eq!(queue.complete(&first).await, [] as [Uuid; 0]);
    assert_eq!(queue.fail(&first, "config").await, None);
    assert_eq!(queue.snooze(&first).await, 0);
    assert_eq!(queue.extend(&first).await, 0);
    let invented = Claim { id, token: second.token + 1, attempt: 3 };
    assert_eq!(queue.complete(&invented).await, [] as [Uuid; 0]);
    assert_eq!(queue.complete(&Claim { id: Uuid::new_v4(), ..second.clone() }).await, [] as [Uuid; 0]);
    assert_eq!(queue.job(id).await, before);
    // of several answers only the current ones count
    let sql = "SELECT crier.complete_jobs(ARRAY[$1::uuid, $2], ARRAY[$3::bigint, 1])";
    let accepted: Vec<Uuid> = queue.0.column(sql, &[&id, &Uuid::new_v4(), &second.token]).await;
    assert_eq!(accepted, [id]);
    assert_eq!(queue.complete(&second).await, [] as [Uuid; 0], "expected a finished job to stay finished");
    assert_eq!(queue.state(id).await, "completed");
}

#[tokio::test]
async fn a_lease_that_runs_out_by_itself_is_taken_over() {
    let queue = Queue::fresh().await;
    let id = queue.enqueue("a").await;
    let sql = "SELECT token FROM crier.claim_jobs('slow', lease => '1 millisecond')";
    let first: i64 = queue.0.value(sql, &[]).await;
    let second =
        wait_for("the lease to run out", SOON, async || queue.claim(10).await.pop().ok_or("held")).await;
    assert_eq!((second.id, second.attempt), (id, 2));
    assert_ne!(second.token, first);
    assert_eq!(queue.extend(&second).await, 1);
    let job = queue.job(id).await;
    assert_eq!(job["progress"], json!({"at": 1}));
    assert_eq!(queue.claim(10).await, [], "expected a lease that was extended to hold");
}

#[tokio::test]
async fn three_lost_leases_are_the_end() {
    let queue = Queue::fresh().await;
    let sql = "SELECT crier.enqueue('poison', max_attempts => 50)";
    let id: Uuid = queue.0.value(sql, &[]).await;
    for attempt in 1..=3 {
        assert_eq!(queue.claim_one().await.attempt, attempt);
        backdoor::lapse_leases(&queue.0).await;
    }
    assert_eq!(queue.claim(10).await, []);
    let job = queue.job(id).await;
    assert_eq!((&job["state"], &job["error"]["class"]), (&json!("failed"), &json!("lease_lost")), "{job}");
}

#[tokio::test]
async fn jobs_survive_a_crash_of_the_server() {
    let database = Database::private().await;
    let queue = Queue::open(&database).await;
    let (waiting, running) = (queue.enqueue("a").await, queue.enqueue("b").await);
    let claims = queue.claim(1).await;
    assert_eq!(claims[0].id, waiting);
    // A claim is on the disk at the latest with the next commit that waits for it.
    queue.0.text("SELECT crier.pause_jobs('none')").await;
    database.server().crash_and_restart();
    let queue = Queue::open(&database).await;
    assert_eq!(
        queue.claim_one().await.id,
        running,
        "expected the lease of the other job to hold over a crash"
    );
    assert_eq!(queue.complete(&claims[0]).await, [waiting]);
}

#[tokio::test]
async fn a_claim_waits_for_no_transaction() {
    let database = Database::shared().await;
    let (holder, queue) = (Queue::open(&database).await, Queue::open(&database).await);
    let first = queue.enqueue("a").await;
    let second = queue.enqueue("b").await;
    holder.0.run("BEGIN").await;
    assert_eq!(holder.claim(1).await[0].id, first);
    let claim = tokio::time::timeout(Duration::from_secs(30), queue.claim(10))
        .await
        .expect("a claim that doesn't wait");
    assert_eq!(claim.iter().map(|claim| claim.id).collect::<Vec<_>>(), [second]);
    holder.0.run("ROLLBACK").await;
    wait_until("the job of the claim that was rolled back", Some(first), async || {
        queue.claim(1).await.first().map(|claim| claim.id)
    })
    .await;
}
