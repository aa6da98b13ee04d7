//! Nobody waits for long behind somebody else's open transaction, and nobody deadlocks.

use crier_tests::cluster::Database;
use serde_json::{Value, json};

use super::{Claim, Queue};

fn arrays(claims: &[&Claim]) -> String {
    let ids: Vec<_> = claims.iter().map(|claim| claim.id.to_string()).collect();
    let tokens: Vec<_> = claims.iter().map(|claim| claim.token.to_string()).collect();
    format!("'{{{}}}', '{{{}}}'", ids.join(","), tokens.join(","))
}

#[tokio::test]
async fn an_open_cancel_keeps_nobody_elses_lease_or_outcome_waiting() {
    let database = Database::shared().await;
    let (worker, tenant) = (Queue::open(&database).await, Queue::open(&database).await);
    worker.enqueue("held").await;
    worker.enqueue("free").await;
    let claims = worker.claim(2).await;
    let [held, free] = &claims[..] else { panic!("expected two claims: {claims:?}") };
    tenant.0.run(&format!("BEGIN; SELECT crier.cancel_jobs(ARRAY['{}'::uuid])", held.id)).await;

    worker.0.run("SET statement_timeout = '20s'").await;
    let both = arrays(&[held, free]);
    let kept = worker.0.text(&format!("SELECT count(*) FROM crier.extend_jobs({both}, '1 hour')")).await;
    assert_eq!(kept, "2", "expected a job that somebody holds to be answered with the lease it has");
    let busy = worker.0.refusal(&format!("SELECT crier.complete_jobs({both})")).await;
    assert_eq!(busy.code, "55P03", "expected a batch with a held job to be refused soon: {busy}");
    assert_eq!(worker.complete(free).await, [free.id]);

    tenant.0.run("COMMIT").await;
    assert!(worker.complete(held).await.is_empty(), "expected nothing to complete a canceled job");
    assert_eq!(worker.state(held.id).await, "canceled");
}

#[tokio::test]
async fn an_open_reader_keeps_no_outcome_waiting_for_partitions() {
    let database = Database::shared().await;
    let (worker, reader) = (Queue::open(&database).await, Queue::open(&database).await);
    let operator = database.connect().await;
    let id = worker.enqueue("a").await;
    let claim = worker.claim_one().await;
    reader.0.run("BEGIN; SELECT count(*) FROM crier.jobs").await;
    worker.0.run("SET statement_timeout = '20s'").await;
    let (made, completed) = tokio::join!(
        operator.text("SELECT count(*) FROM crier.ensure_partitions(20)"),
        worker.complete(&claim)
    );
    assert_eq!((made.as_str(), completed), ("0", vec![id]), "expected it to give up behind the reader");
    reader.0.run("COMMIT").await;
    let made = operator.text("SELECT count(*) FROM crier.ensure_partitions(20)").await;
    // one day more if the database was made before midnight
    assert!(["91", "98"].contains(&made.as_str()), "{made}");
}

#[tokio::test]
async fn enqueuers_of_the_same_keys_and_workers_never_deadlock() {
    const ROUNDS: usize = 40;
    let database = Database::shared().await;
    let jobs = |reversed: bool| -> Value {
        let mut keys: Vec<_> = (0..20).collect();
        if reversed {
            keys.reverse();
        }
        keys.into_iter().map(|n| json!({"kind": "k", "dedupe_key": n.to_string()})).collect()
    };
    let enqueuers = [false, true, false, true].map(|reversed| {
        let (database, jobs) = (database.clone(), jobs(reversed));
        tokio::spawn(async move {
            let queue = Queue::open(&database).await;
            for _ in 0..ROUNDS {
                assert_eq!(queue.enqueue_many(&jobs).await.len(), 20);
            }
        })
    });
    let workers = [(), ()].map(|()| {
        let database = database.clone();
        tokio::spawn(async move {
            let queue = Queue::open(&database).await;
            for _ in 0..ROUNDS {
                let claims = queue.claim(10).await;
                let mine = arrays(&claims.iter().collect::<Vec<_>>());
                queue.0.text(&format!("SELECT crier.extend_jobs({mine}, '1 hour')")).await;
                queue.0.text(&format!("SELECT crier.complete_jobs({mine})")).await;
            }
        })
    });
    for task in enqueuers.into_iter().chain(workers) {
        task.await.expect("no statement to be refused");
    }
    let queue = Queue::open(&database).await;
    let twice = "SELECT count(*) FROM (SELECT FROM crier.jobs WHERE finished_at IS NULL GROUP BY dedupe_key HAVING count(*) > 1) d";
    assert_eq!(queue.0.text(twice).await, "0");
}
