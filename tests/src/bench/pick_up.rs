//! How long a job waits, from the commit that added it until a worker holds it, under a steady load. The worker
//! sleeps between jobs and is woken by NOTIFY.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use uuid::Uuid;

use super::report::Latency;
use crate::cluster::Database;
use crate::session::Session;

/// The backstop of a worker that is not woken.
const POLL: Duration = Duration::from_secs(1);
/// How long the last jobs may take.
const REST: Duration = Duration::from_secs(30);

pub(super) async fn measure(database: &Database, rate: u32, time: Duration) -> Latency {
    let (claimed, mut claims) = mpsc::unbounded_channel();
    let worker = tokio::spawn(worker(database.clone(), claimed));
    let added = produce(database, rate, time).await;
    let mut waits = Vec::with_capacity(added.len());
    let mut at = HashMap::new();
    let deadline = Instant::now() + REST;
    while at.len() < added.len() {
        let rest = deadline.saturating_duration_since(Instant::now());
        match tokio::time::timeout(rest, claims.recv()).await {
            Ok(Some((id, when))) => at.insert(id, when),
            _ => panic!("only {} of {} jobs were picked up", at.len(), added.len()),
        };
    }
    worker.abort();
    for (id, committed) in &added {
        let picked: Option<&Instant> = at.get(id);
        // the worker can have a job before the answer to its commit is here
        waits.extend(picked.map(|picked| picked.saturating_duration_since(*committed)));
    }
    Latency::new(rate, waits)
}

/// Adds jobs at a steady rate; gives when the commit of each was answered.
async fn produce(database: &Database, rate: u32, time: Duration) -> Vec<(Uuid, Instant)> {
    let sql = database.connect().await;
    let mut tick = tokio::time::interval(Duration::from_secs(1) / rate);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    let mut added = Vec::new();
    let start = Instant::now();
    while start.elapsed() < time {
        tick.tick().await;
        let id: Uuid = sql.value("SELECT crier.enqueue('bench')", &[]).await;
        added.push((id, Instant::now()));
    }
    added
}

async fn worker(database: Database, claimed: mpsc::UnboundedSender<(Uuid, Instant)>) {
    let (listener, sql) = (database.connect().await, database.connect().await);
    listener.run("LISTEN crier_jobs").await;
    loop {
        let claims = claim(&sql).await;
        if claims.is_empty() {
            // woken, or the time to look anyway
            let _ = tokio::time::timeout(POLL, listener.next_notification()).await;
            continue;
        }
        let now = Instant::now();
        let (ids, tokens): (Vec<Uuid>, Vec<i64>) = claims.into_iter().unzip();
        for id in &ids {
            // the receiver is gone when the measurement is over
            let _ = claimed.send((*id, now));
        }
        sql.rows("SELECT crier.complete_jobs($1::uuid[], $2::bigint[])", &[&ids, &tokens]).await;
    }
}

async fn claim(sql: &Session) -> Vec<(Uuid, i64)> {
    let rows = sql.rows("SELECT job_id, token FROM crier.claim_jobs('bench', 100)", &[]).await;
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}
