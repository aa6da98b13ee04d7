//! What keeps the tables small, and what shows how they are. Time passes by `backdoor`.

mod cleanup;
mod cron;
mod monitoring;
mod months;
mod old_days;
mod operations;
mod runs;
mod sidecar;
mod writers;

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::session::Session;
use serde_json::Value;
use uuid::Uuid;

/// A database with finished, dead and unfinished jobs.
struct Kept {
    sql: Session,
    completed: Vec<Uuid>,
    dead: Uuid,
    waiting: Uuid,
}

impl Kept {
    /// Three completed jobs, a dead one and a waiting one.
    async fn new(database: &Database) -> Self {
        let sql = database.connect().await;
        let completed = enqueue(&sql, "done", 3).await;
        complete_all(&sql, "done").await;
        let dead = enqueue(&sql, "dead", 1).await[0];
        fail_all(&sql, "dead", "config").await;
        let waiting = enqueue(&sql, "waiting", 1).await[0];
        Self { sql, completed, dead, waiting }
    }

    /// The same some days later.
    async fn days_ago(database: &Database, days: u32) -> Self {
        let Self { sql, completed, dead, waiting } = Self::new(database).await;
        backdoor::pass_days(&sql, days as i32).await;
        let aged = |id| backdoor::aged(id, days);
        Self {
            sql,
            completed: completed.into_iter().map(aged).collect(),
            dead: aged(dead),
            waiting: aged(waiting),
        }
    }

    /// The states of all jobs, the oldest first.
    async fn states(&self) -> String {
        states(&self.sql).await
    }
}

async fn states(sql: &Session) -> String {
    sql.text("SELECT string_agg(state, ' ' ORDER BY id) FROM crier.jobs").await
}

async fn enqueue(sql: &Session, kind: &str, count: i64) -> Vec<Uuid> {
    let jobs = "SELECT crier.enqueue_many((SELECT jsonb_agg(jsonb_build_object('kind', $1::text)) FROM generate_series(1, $2::bigint)))";
    sql.column(jobs, &[&kind, &count]).await
}

async fn complete_all(sql: &Session, kind: &str) -> usize {
    let done = "WITH c AS MATERIALIZED (SELECT * FROM crier.claim_jobs('w', 10000, kinds => ARRAY[$1])) \
                SELECT crier.complete_jobs(array_agg(job_id), array_agg(token), array_agg('{\"ok\": true}'::jsonb)) FROM c HAVING count(*) > 0";
    sql.rows(done, &[&kind]).await.len()
}

/// Fails the jobs of a kind until they are dead.
async fn fail_all(sql: &Session, kind: &str, class: &str) {
    let fail = "WITH c AS MATERIALIZED (SELECT * FROM crier.claim_jobs('w', 10000, kinds => ARRAY[$1])) \
                SELECT f.* FROM (SELECT array_agg(job_id) AS ids, array_agg(token) AS tokens, array_agg($2::text) AS classes, \
                array_agg('{\"message\": \"no\"}'::jsonb) AS errors FROM c HAVING count(*) > 0) a, \
                LATERAL crier.fail_jobs(a.ids, a.tokens, a.classes, a.errors) f";
    while !sql.rows(fail, &[&kind, &class]).await.is_empty() {
        backdoor::make_retries_due(sql).await;
    }
}

async fn did(sql: &Session, call: &str) -> Value {
    sql.value(&format!("SELECT crier.{call}"), &[]).await
}

async fn set(sql: &Session, name: &str, value: &str) {
    let set = "UPDATE crier.maintenance_setting SET value = $2::text::interval WHERE name = $1 RETURNING 1";
    assert_eq!(sql.rows(set, &[&name, &value]).await.len(), 1, "there is no setting {name}");
}
