//! The promises of the queue, in SQL that knows only its functions and the view `crier.jobs`: any storage behind
//! them must pass this unchanged. Time passes by `backdoor`, the one place that knows more.

mod checkpoint;
mod contention;
mod dead_letters;
mod dedupe;
mod endings;
mod leases;
mod order;
mod recovery;
mod transactions;
mod waiting;

use std::collections::BTreeSet;

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::session::Session;
use crier_tests::wait::SOON;
use serde_json::{Value, json};
use uuid::Uuid;

/// A job in a worker's hands.
#[derive(Clone, Debug, PartialEq)]
struct Claim {
    id: Uuid,
    token: i64,
    attempt: i32,
}

/// The queue as one client sees it.
struct Queue(Session);

impl Queue {
    async fn open(database: &Database) -> Self {
        Self(database.connect().await)
    }

    async fn fresh() -> Self {
        Self::open(&Database::shared().await).await
    }

    async fn enqueue(&self, kind: &str) -> Uuid {
        self.0.value("SELECT crier.enqueue($1)", &[&kind]).await
    }

    async fn enqueue_many(&self, jobs: &Value) -> Vec<Uuid> {
        self.0.column("SELECT crier.enqueue_many($1)", &[jobs]).await
    }

    async fn claim(&self, max: i32) -> Vec<Claim> {
        let sql = "SELECT job_id, token, attempt FROM crier.claim_jobs('a worker', $1, lease => '1 hour')";
        let rows = self.0.rows(sql, &[&max]).await;
        rows.iter().map(|row| Claim { id: row.get(0), token: row.get(1), attempt: row.get(2) }).collect()
    }

    /// Claims the only job that is due.
    async fn claim_one(&self) -> Claim {
        let mut claims = self.claim(10).await;
        assert_eq!(claims.len(), 1, "expected one job to be due, claimed {claims:?}");
        claims.remove(0)
    }

    /// Fails a job; gives its status and the seconds until it runs again.
    async fn fail(&self, claim: &Claim, class: &str) -> Option<(String, Option<f64>)> {
        let sql = "SELECT status, extract(epoch FROM run_at - clock_timestamp())::float8 \
                   FROM crier.fail_jobs(ARRAY[$1::uuid], ARRAY[$2::bigint], ARRAY[$3], ARRAY['{\"message\": \"no\"}'::jsonb])";
        let rows = self.0.rows(sql, &[&claim.id, &claim.token, &class]).await;
        rows.first().map(|row| (row.get(0), row.get(1)))
    }

    async fn complete(&self, claim: &Claim) -> Vec<Uuid> {
        let sql = "SELECT crier.complete_jobs(ARRAY[$1::uuid], ARRAY[$2::bigint], ARRAY['{\"done\": true}'::jsonb])";
        self.0.column(sql, &[&claim.id, &claim.token]).await
    }

    async fn snooze(&self, claim: &Claim) -> usize {
        let sql = "SELECT * FROM crier.snooze_jobs(ARRAY[$1::uuid], ARRAY[$2::bigint], ARRAY[now() + interval '1 hour'])";
        self.0.rows(sql, &[&claim.id, &claim.token]).await.len()
    }

    async fn extend(&self, claim: &Claim) -> usize {
        let sql = "SELECT * FROM crier.extend_jobs(ARRAY[$1::uuid], ARRAY[$2::bigint], '5 minutes', ARRAY['{\"at\": 1}'::jsonb])";
        self.0.rows(sql, &[&claim.id, &claim.token]).await.len()
    }

    async fn job(&self, id: Uuid) -> Value {
        self.0.value("SELECT to_jsonb(j) FROM crier.jobs j WHERE id = $1", &[&id]).await
    }

    async fn state(&self, id: Uuid) -> String {
        self.0.value("SELECT state FROM crier.jobs WHERE id = $1", &[&id]).await
    }
}

#[tokio::test]
async fn a_rolled_back_transaction_leaves_no_job_and_wakes_nobody() {
    let database = Database::shared().await;
    let (queue, listener) = (Queue::open(&database).await, database.connect().await);
    listener.run("LISTEN crier_jobs").await;
    queue
        .0
        .run("BEGIN; SELECT crier.enqueue('a'); SELECT crier.enqueue_many('[{\"kind\": \"b\"}]'); ROLLBACK")
        .await;
    queue.0.run("BEGIN; SAVEPOINT s; SELECT crier.enqueue('c'); ROLLBACK TO s; COMMIT").await;
    assert_eq!(queue.0.text("SELECT count(*) FROM crier.jobs").await, "0");
    assert_eq!(queue.claim(10).await, []);
    // a message of our own marks the end of what was sent before it
    queue.0.run("NOTIFY crier_jobs, 'end'").await;
    let first = listener.next_notification().await.expect("a notification");
    assert_eq!(first.payload(), "end", "expected no notification for what was rolled back");
}

#[tokio::test]
async fn a_commit_makes_the_job_visible_and_notifies() {
    let database = Database::shared().await;
    let (queue, listener) = (Queue::open(&database).await, database.connect().await);
    let other = Queue::open(&database).await;
    listener.run("LISTEN crier_jobs").await;
    queue.0.run("BEGIN").await;
    let id = queue.enqueue("a").await;
    assert_eq!(other.claim(10).await, [], "expected a job of an open transaction to be nobody's");
    assert_eq!(listener.notifications().await.len(), 0);
    queue.0.run("COMMIT").await;
    let woken =
        tokio::time::timeout(SOON, listener.next_notification()).await.expect("a notification in time");
    assert_eq!(
        woken.map(|n| (n.channel().to_owned(), n.payload().to_owned())),
        Some(("crier_jobs".into(), String::new()))
    );
    let claim = other.claim_one().await;
    assert_eq!((claim.id, claim.attempt), (id, 1));
    let job = other.job(id).await;
    assert_eq!((&job["state"], &job["worker"]), (&json!("running"), &json!("a worker")));
}

#[tokio::test]
async fn the_order_is_priority_then_time_then_id() {
    let queue = Queue::fresh().await;
    let jobs = json!([
        {"kind": "low", "priority": -1, "run_at": "2026-11-22T00:00:00Z"},
        {"kind": "later"},
        {"kind": "later"},
        {"kind": "high", "priority": 5},
    ]);
    // relative to now, so that they are in the past whenever the test runs
    let sql = "SELECT jsonb_agg(CASE WHEN j ? 'run_at' THEN j || jsonb_build_object('run_at', now() - interval '1 hour') ELSE j END) \
               FROM jsonb_array_elements($1::jsonb) j";
    let jobs: Value = queue.0.value(sql, &[&jobs]).await;
    let ids = queue.enqueue_many(&jobs).await;
    let early: Uuid =
        queue.0.value("SELECT crier.enqueue('early', run_at => now() - interval '1 minute')", &[]).await;
    let order: Vec<_> = queue.claim(10).await.into_iter().map(|claim| claim.id).collect();
    assert_eq!(order, [ids[3], early, ids[1], ids[2], ids[0]]);
}

#[tokio::test]
async fn ids_come_in_the_order_of_the_input() {
    let queue = Queue::fresh().await;
    let jobs: Value = (0..500).map(|n| json!({"kind": "k", "params": {"n": n}, "priority": n % 7})).collect();
    let ids = queue.enqueue_many(&jobs).await;
    let numbers: Vec<i32> = queue
        .0
        .column(
            "SELECT (j.params ->> 'n')::int FROM unnest($1::uuid[]) WITH ORDINALITY AS u(id, at) \
             JOIN crier.jobs j USING (id) ORDER BY at",
            &[&ids],
        )
        .await;
    assert_eq!(numbers, (0..500).collect::<Vec<_>>());
    let mut sorted = ids.clone();
    sorted.sort();
    assert_eq!(ids, sorted, "expected ids that sort by the time they were made");
}

#[tokio::test]
async fn a_job_waits_for_its_time() {
    let queue = Queue::fresh().await;
    let id: Uuid = queue.0.value("SELECT crier.enqueue('a', run_at => now() + interval '1 hour')", &[]).await;
    assert_eq!(queue.claim(10).await, []);
    assert_eq!(queue.state(id).await, "pending");
    backdoor::make_all_due(&queue.0).await;
    assert_eq!(queue.claim_one().await.id, id);
}

#[tokio::test]
async fn callers_at_once_with_one_key_get_one_job() {
    let database = Database::shared().await;
    let queue = Queue::open(&database).await;
    let callers = (0..20).map(|_| {
        let database = database.clone();
        tokio::spawn(async move {
            let session = database.connect().await;
            session.value::<Uuid>("SELECT crier.enqueue('report', dedupe_key => 'today')", &[]).await
        })
    });
    let mut ids = BTreeSet::new();
    for caller in callers.collect::<Vec<_>>() {
        ids.insert(caller.await.expect("a caller"));
    }
    assert_eq!(ids.len(), 1, "expected one id, got {ids:?}");
    let id = ids.pop_first().expect("an id");
    let enqueue = async |kind: &str, key: &str| {
        queue.0.value::<Uuid>("SELECT crier.enqueue($1, dedupe_key => $2)", &[&kind, &key]).await
    };
    assert_ne!(enqueue("other kind", "today").await, id);
    assert_ne!(enqueue("report", "tomorrow").await, id);
    let within_a_batch = queue
        .enqueue_many(&json!([{"kind": "b", "dedupe_key": "x"}, {"kind": "b", "dedupe_key": "x"}]))
        .await;
    assert_eq!(within_a_batch[0], within_a_batch[1]);
    let claim = queue.claim(10).await.into_iter().find(|claim| claim.id == id).expect("the job");
    assert_eq!(enqueue("report", "today").await, id, "expected a running job to keep its key");
    queue.complete(&claim).await;
    assert_ne!(enqueue("report", "today").await, id, "expected a finished job to give its key back");
}

#[tokio::test]
async fn filters_choose_what_is_claimed() {
    let queue = Queue::fresh().await;
    let workspace = crier_tests::stage::create_workspace(&queue.0).await;
    let here: Uuid = queue.0.value("SELECT crier.enqueue('x', workspace_id => $1)", &[&workspace]).await;
    let there = queue.enqueue("y").await;
    let claim = async |sql: &str| -> Vec<Uuid> { queue.0.column(sql, &[]).await };
    assert_eq!(
        claim("SELECT job_id FROM crier.claim_jobs('w', 9, kinds => ARRAY['z'])").await,
        [] as [Uuid; 0]
    );
    assert_eq!(
        claim("SELECT job_id FROM crier.claim_jobs('w', 9, platforms => ARRAY['bluesky'])").await,
        [] as [Uuid; 0]
    );
    assert_eq!(claim("SELECT job_id FROM crier.claim_jobs('w', 9, kinds => ARRAY['y', 'z'])").await, [there]);
    let sql =
        format!("SELECT job_id FROM crier.claim_jobs('w', 9, workspaces => ARRAY['{workspace}'::uuid])");
    assert_eq!(claim(&sql).await, [here]);
}
