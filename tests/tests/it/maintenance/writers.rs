//! Everything at once: jobs are added and worked off while days are made and dropped and rows deleted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::wait::{SOON, wait_for};
use serde_json::Value;
use uuid::Uuid;

use super::{complete_all, enqueue, fail_all};

const BATCHES: usize = 60;
const BATCH: i64 = 50;

#[tokio::test]
async fn nobody_gets_an_error_and_no_job_is_lost() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    // eight old days, each with finished, dead and waiting jobs
    for _ in 0..8 {
        enqueue(&sql, "done", 50).await;
        complete_all(&sql, "done").await;
        enqueue(&sql, "dead", 2).await;
        fail_all(&sql, "dead", "config").await;
        enqueue(&sql, "work", 5).await;
        backdoor::pass_days(&sql, 1).await;
    }
    backdoor::pass_days(&sql, 7).await;
    let old: Vec<Uuid> = sql.column("SELECT id FROM crier.jobs WHERE state = 'pending'", &[]).await;
    assert_eq!(old.len(), 40);

    let over = Arc::new(AtomicBool::new(false));
    let producers = [0, 1].map(|_| {
        let database = database.clone();
        tokio::spawn(async move {
            let sql = database.connect().await;
            let mut ids = Vec::new();
            for _ in 0..BATCHES / 2 {
                ids.extend(enqueue(&sql, "work", BATCH).await);
            }
            ids
        })
    });
    let workers = [0, 1].map(|_| {
        let (database, over) = (database.clone(), Arc::clone(&over));
        tokio::spawn(async move {
            let sql = database.connect().await;
            let mut done: Vec<Uuid> = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let rows = sql
                    .rows(
                        "SELECT job_id, token FROM crier.claim_jobs('w', 40, kinds => '{work}', wait => '20 milliseconds')",
                        &[],
                    )
                    .await;
                let ids: Vec<Uuid> = rows.iter().map(|row| row.get(0)).collect();
                let tokens: Vec<i64> = rows.iter().map(|row| row.get(1)).collect();
                let completed: Vec<Uuid> = sql.column("SELECT crier.complete_jobs($1, $2)", &[&ids, &tokens]).await;
                assert_eq!(completed.len(), ids.len(), "a lease of a minute was lost");
                done.extend(completed);
            }
            done
        })
    });
    let keeper = {
        let (database, over) = (database.clone(), Arc::clone(&over));
        tokio::spawn(async move {
            let sql = database.connect().await;
            let mut dropped = 0;
            let mut days = 8;
            while !over.load(Ordering::Relaxed) {
                let said: Value = sql.value("SELECT crier.drop_old_days()", &[]).await;
                dropped += usize::from(said.get("dropped").is_some());
                days += 1;
                sql.rows("SELECT crier.ensure_partitions($1)", &[&days.min(40)]).await;
                sql.rows("SELECT crier.cleanup_finished_jobs(10), crier.cleanup_leftovers(10), crier.expire_pending_jobs(10)", &[]).await;
            }
            dropped
        })
    };
    let reindexer = {
        let (database, over) = (database.clone(), Arc::clone(&over));
        tokio::spawn(async move {
            let sql = database.connect().await;
            while !over.load(Ordering::Relaxed) {
                sql.run("REINDEX TABLE CONCURRENTLY crier.job_key").await;
                sql.run("REINDEX TABLE CONCURRENTLY crier.job_scheduled").await;
                // what is read while a day goes must be neither here nor there twice
                sql.text("SELECT crier.reload_queue()").await;
            }
        })
    };
    let mut added = old.clone();
    for producer in producers {
        added.extend(producer.await.expect("a producer"));
    }
    let left = "SELECT (SELECT count(*) FROM crier.jobs WHERE kind = 'work' AND state IN ('pending', 'running')), \
                (SELECT count(*) FROM crier.partitions WHERE day < current_date - 7 AND parent = 'job')";
    // a day goes when nobody is in its way for a moment
    wait_for("all work to be done and all old days to be dropped", SOON * 3, async || {
        match sql.text(left).await {
            none if none == "0|0" => Ok(()),
            some => Err(some),
        }
    })
    .await;
    over.store(true, Ordering::Relaxed);
    let mut done: Vec<Uuid> = Vec::new();
    for worker in workers {
        done.extend(worker.await.expect("a worker"));
    }
    assert!(keeper.await.expect("the maintenance") >= 8);
    reindexer.await.expect("the reindex");
    // what waited for a week may have expired before it was taken: then it is a dead letter
    let expired: Vec<Uuid> =
        sql.column("SELECT job_id FROM crier.dead_jobs(kinds => '{work}', max => 10000)", &[]).await;
    let mut ended: Vec<Uuid> = done.into_iter().chain(expired).collect();
    ended.sort_unstable();
    added.sort_unstable();
    assert_eq!(ended, added, "expected every job to end once");
    assert_eq!(sql.text("SELECT count(*) FROM crier.dead_jobs(kinds => '{dead}')").await, "16");
    let in_both = "SELECT count(*) FROM (SELECT id FROM crier.job GROUP BY id HAVING count(*) > 1) d";
    assert_eq!(sql.text(in_both).await, "0");
}
