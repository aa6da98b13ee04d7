//! A start does not read days of the log that are dealt with, and misses no job for it.

use std::collections::BTreeSet;

use crier_tests::backdoor::{self, Past};
use crier_tests::cluster::{Database, SIDECAR_ROLE};
use crier_tests::crierd::Deployment;
use crier_tests::wait::wait_until;
use uuid::Uuid;

use super::Queue;

const HISTORY: Past = Past { days: 5, per_day: 200, open: 4, live: 50 };
/// A day that is noted: it ended more than a day ago.
const NOTED: i32 = 3;

/// A queue with history, its old days noted.
async fn noted(settings: &[(&str, &str)], history: Past) -> (Database, Queue) {
    let database = Database::private_with(settings).await;
    let queue = Queue::open(&database).await;
    backdoor::fill(&queue.0, history).await;
    assert_eq!(checkpoint(&queue).await, history.days - 1, "expected all days but yesterday and today");
    assert_eq!(checkpoint(&queue).await, 0, "expected nothing to be noted twice");
    (database, queue)
}

async fn checkpoint(queue: &Queue) -> i32 {
    queue.0.value("SELECT crier.checkpoint_queue()", &[]).await
}

async fn restart(database: &Database) -> Queue {
    database.server().crash_and_restart();
    Queue::open(database).await
}

/// Hands out everything that is due, a batch at a time, and completes it.
async fn drain(queue: &Queue) -> BTreeSet<Uuid> {
    let mut done = BTreeSet::new();
    loop {
        let sql = "SELECT crier.complete_jobs(coalesce(array_agg(job_id), '{}'), coalesce(array_agg(token), '{}')) \
                   FROM crier.claim_jobs('w', 500)";
        let ids: Vec<Uuid> = queue.0.column(sql, &[]).await;
        if ids.is_empty() {
            return done;
        }
        for id in ids {
            assert!(done.insert(id), "job {id} was handed out twice");
        }
    }
}

async fn unfinished(queue: &Queue) -> BTreeSet<Uuid> {
    let sql = "SELECT id FROM crier.jobs WHERE state IN ('pending', 'retrying', 'running')";
    queue.0.column::<Uuid>(sql, &[]).await.into_iter().collect()
}

async fn a_dead_job(queue: &Queue) -> Uuid {
    // the oldest: of a day that is noted
    queue.0.value("SELECT job_id FROM crier.dead_jobs(max => 10000) ORDER BY job_id LIMIT 1", &[]).await
}

#[tokio::test]
async fn what_was_unfinished_in_a_noted_day_is_still_handed_out() {
    let (database, queue) = noted(&[], HISTORY).await;
    let expected = unfinished(&queue).await;
    assert_eq!(expected.len(), 5 * 4 + 50);
    let queue = restart(&database).await;
    let due = drain(&queue).await;
    assert_eq!(due.len(), expected.len() / 2, "expected what is far to stay where it is");
    // a second start, with the days noted and their open jobs done
    let queue = restart(&database).await;
    assert!(drain(&queue).await.is_empty());
    backdoor::make_all_due(&queue.0).await;
    let far = drain(&queue).await;
    assert_eq!(due.union(&far).copied().collect::<BTreeSet<_>>(), expected);
}

#[tokio::test]
async fn a_start_does_not_read_noted_days_and_a_reload_does() {
    let (database, queue) = noted(&[], HISTORY).await;
    let hidden = backdoor::forget_an_end(&queue.0, NOTED).await;
    let recent = backdoor::forget_an_end(&queue.0, 1).await;
    let queue = restart(&database).await;
    let found = drain(&queue).await;
    assert!(found.contains(&recent), "expected a day that is not noted to be read");
    assert!(!found.contains(&hidden), "expected a noted day not to be read");
    queue.0.text("SELECT crier.reload_queue()").await;
    assert_eq!(drain(&queue).await, BTreeSet::from([hidden]));
    // and the next checkpoint notes the days again as they are then
    assert!(checkpoint(&queue).await >= HISTORY.days - 1);
}

#[tokio::test]
async fn a_dead_job_of_a_noted_day_that_is_retried_survives_a_crash() {
    let (database, queue) = noted(&[], HISTORY).await;
    let dead = a_dead_job(&queue).await;
    let retry = format!("SELECT crier.retry_jobs(ARRAY['{dead}'::uuid])");
    assert_eq!(queue.0.text(&retry).await, dead.to_string());
    let queue = restart(&database).await;
    assert!(drain(&queue).await.contains(&dead));
    checkpoint(&queue).await;
    let left = "SELECT count(*) FROM crier.job_reopened";
    assert_eq!(queue.0.text(left).await, "0", "expected a job that has ended to be forgotten");
    assert!(!drain(&restart(&database).await).await.contains(&dead));
}

#[tokio::test]
async fn a_retry_that_is_not_committed_while_its_day_is_noted_is_not_lost() {
    let database = Database::private().await;
    let (queue, operator) = (Queue::open(&database).await, Queue::open(&database).await);
    backdoor::fill(&queue.0, HISTORY).await;
    let dead = a_dead_job(&queue).await;
    operator.0.run("BEGIN").await;
    operator.0.text(&format!("SELECT crier.retry_jobs(ARRAY['{dead}'::uuid])")).await;
    assert_eq!(checkpoint(&queue).await, HISTORY.days - 1);
    operator.0.run("COMMIT").await;
    assert!(drain(&restart(&database).await).await.contains(&dead));
}

#[tokio::test]
async fn a_day_is_not_noted_while_a_transaction_that_added_to_it_is_open() {
    let database = Database::private().await;
    let (queue, sleeper) = (Queue::open(&database).await, Queue::open(&database).await);
    backdoor::fill(&queue.0, HISTORY).await;
    sleeper.0.run("BEGIN").await;
    let late = backdoor::add_late(&sleeper.0, NOTED, false).await;
    assert_eq!(checkpoint(&queue).await, HISTORY.days - 2, "expected its day to be left out");
    sleeper.0.run("COMMIT").await;
    assert_eq!(checkpoint(&queue).await, 1, "expected its day to be noted now");
    assert!(drain(&restart(&database).await).await.contains(&late));
}

#[tokio::test]
async fn a_job_that_is_added_to_a_noted_day_is_found_by_its_note() {
    let (database, queue) = noted(&[], HISTORY).await;
    let with_note = backdoor::add_late(&queue.0, NOTED, true).await;
    let without = backdoor::add_late(&queue.0, NOTED, false).await;
    let found = drain(&restart(&database).await).await;
    assert!(found.contains(&with_note));
    assert!(!found.contains(&without), "expected the note to be what it is found by");
}

#[tokio::test]
async fn more_unfinished_jobs_than_fit_into_memory_are_all_handed_out() {
    let history = Past { days: 4, per_day: 700, open: 600, live: 1_500 };
    let (database, queue) = noted(&[("crier.queue_capacity", "1000")], history).await;
    let dead = a_dead_job(&queue).await;
    queue.0.text(&format!("SELECT crier.retry_jobs(ARRAY['{dead}'::uuid])")).await;
    let waiting = unfinished(&queue).await;
    assert_eq!(waiting.len(), 4 * 600 + 1_500 + 1);
    let queue = restart(&database).await;
    let due = drain(&queue).await;
    assert_eq!(due.len(), waiting.len() / 2 + 1);
    assert!(due.contains(&dead));
    let far: Vec<Uuid> = waiting.difference(&due).copied().collect();
    let mut done = BTreeSet::new();
    for some in far.chunks(300) {
        queue.0.rows("SELECT crier.retry_jobs($1)", &[&some]).await;
        done.extend(drain(&queue).await);
    }
    assert_eq!(done, far.into_iter().collect());
}

#[tokio::test]
async fn a_copy_notes_nothing() {
    let database = Database::private().await;
    let queue = Queue::open(&database).await;
    backdoor::fill(&queue.0, HISTORY).await;
    backdoor::become_a_copy(&queue.0).await;
    assert_eq!(checkpoint(&queue).await, 0);
}

#[tokio::test]
async fn the_sidecar_sees_to_it() {
    let database = Database::private().await;
    let queue = Queue::open(&database).await;
    backdoor::fill(&queue.0, HISTORY).await;
    let deployment = Deployment::init(&database.url(SIDECAR_ROLE));
    let _crierd = deployment.start().await;
    wait_until("the noted days", (HISTORY.days - 1).to_string(), async || {
        queue.0.text("SELECT count(*) FROM crier.job_day").await
    })
    .await;
}

#[tokio::test]
async fn a_lease_that_is_older_than_answered_claims_is_still_known() {
    let database = Database::private().await;
    let queue = Queue::open(&database).await;
    let held = queue.enqueue("held").await;
    queue.0.text("SELECT job_id FROM crier.claim_jobs('w', lease => '1 day')").await;
    let token = backdoor::age_claim(&queue.0, 5).await;
    queue.0.text("SELECT crier.reload_queue()").await;
    // claims since then that are answered
    queue.enqueue("done").await;
    let done = queue.claim_one().await;
    queue.complete(&done).await;
    checkpoint(&queue).await;
    checkpoint(&queue).await;
    let queue = restart(&database).await;
    assert!(queue.claim(10).await.is_empty(), "expected the lease to be known");
    assert_eq!(queue.complete(&super::Claim { id: held, token, attempt: 1 }).await, [held]);
}

#[tokio::test]
async fn a_start_does_not_read_claims_before_the_mark_and_a_reload_does() {
    let database = Database::private().await;
    let queue = Queue::open(&database).await;
    let id = queue.enqueue("held").await;
    checkpoint(&queue).await;
    queue.0.text("SELECT job_id FROM crier.claim_jobs('w', lease => '1 day')").await;
    let token = backdoor::age_claim(&queue.0, 5).await;
    let queue = restart(&database).await;
    let claim = "SELECT job_id FROM crier.claim_jobs('w')";
    queue.0.run("BEGIN").await;
    assert_eq!(queue.0.text(claim).await, id.to_string(), "expected a claim before the mark not to be read");
    queue.0.run("ROLLBACK").await;
    queue.0.text("SELECT crier.reload_queue()").await;
    assert_eq!(queue.0.text(claim).await, "");
    assert_eq!(queue.complete(&super::Claim { id, token, attempt: 1 }).await, [id]);
}
