//! How fast workers empty a backlog: claim and complete, each in batches.

use std::time::Instant;

use super::report::Rate;
use crate::cluster::Database;

/// Fills the queue and empties it with some workers at once, each on its own connection.
pub(super) async fn measure(database: &Database, workers: usize, batch: i32, jobs: usize) -> Rate {
    let sql = database.connect().await;
    let fill = "SELECT crier.enqueue_many(jsonb_agg('{\"kind\": \"bench\", \"params\": {\"n\": 1}}'::jsonb)) \
                FROM generate_series(1, $1::int) n GROUP BY n % (1 + $1 / 5000)";
    let filled = sql.rows(fill, &[&i32::try_from(jobs).unwrap_or(i32::MAX)]).await.len();
    assert_eq!(filled, jobs, "expected the backlog to be filled");
    sql.run("VACUUM ANALYZE").await;
    let start = Instant::now();
    let running: Vec<_> = (0..workers).map(|_| tokio::spawn(work(database.clone(), batch))).collect();
    let mut done = 0;
    for worker in running {
        done += worker.await.unwrap_or_else(|error| panic!("a worker: {error}"));
    }
    let rate =
        Rate::new(format!("claim and complete, {workers} worker(s), {batch} a call"), done, start.elapsed());
    assert_eq!(done, jobs, "expected every job of the backlog to be completed once");
    rate
}

async fn work(database: Database, batch: i32) -> usize {
    let sql = database.connect().await;
    let claim = sql
        .prepare("SELECT job_id, token FROM crier.claim_jobs('bench', $1)")
        .await
        .unwrap_or_else(|error| panic!("claim_jobs: {error}"));
    let complete = sql
        .prepare("SELECT crier.complete_jobs($1::uuid[], $2::bigint[])")
        .await
        .unwrap_or_else(|error| panic!("complete_jobs: {error}"));
    let mut done = 0;
    loop {
        let claims = sql.query(&claim, &[&batch]).await.unwrap_or_else(|error| panic!("claim_jobs: {error}"));
        if claims.is_empty() {
            // the others finish what they hold
            return done;
        }
        let ids: Vec<uuid::Uuid> = claims.iter().map(|row| row.get(0)).collect();
        let tokens: Vec<i64> = claims.iter().map(|row| row.get(1)).collect();
        let completed = sql.query(&complete, &[&ids, &tokens]).await;
        done += completed.unwrap_or_else(|error| panic!("complete_jobs: {error}")).len();
    }
}
