//! How fast one client adds jobs.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::report::Rate;
use crate::backdoor;
use crate::cluster::Database;

/// Adds jobs in batches for a time, one transaction each, then empties the queue.
pub(super) async fn measure(database: &Database, batch: usize, time: Duration) -> Rate {
    let sql = database.connect().await;
    let params = json!({"n": 1, "text": "x".repeat(200)});
    let jobs: Value = (0..batch).map(|_| json!({"kind": "bench", "params": params})).collect();
    let (mut added, start) = (0, Instant::now());
    while start.elapsed() < time {
        added += if batch == 1 {
            sql.rows("SELECT crier.enqueue('bench', $1)", &[&params]).await.len()
        } else {
            sql.rows("SELECT crier.enqueue_many($1)", &[&jobs]).await.len()
        };
    }
    let name = if batch == 1 {
        "enqueue, one job a call".to_owned()
    } else {
        format!("enqueue_many, {batch} jobs a call")
    };
    let rate = Rate::new(name, added, start.elapsed());
    backdoor::empty_queue(&sql).await;
    rate
}
