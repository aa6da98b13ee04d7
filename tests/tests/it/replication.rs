//! A database that takes the tables by logical replication: it has every row, hands nothing out while its origin does, and
//! goes on where that stopped.

use std::collections::BTreeSet;

use crier_tests::cluster::{Database, Server};
use crier_tests::session::Session;
use crier_tests::wait::wait_until;
use uuid::Uuid;

use super::dump_restore::contents;

/// An origin and a database on another server that follows it, as docs/operations.md says.
struct Pair {
    origin: Database,
    sql: Session,
    follower: Server,
    copy: Session,
}

impl Pair {
    async fn start() -> Self {
        let origin = Database::private_with(&[("wal_level", "logical")]).await;
        let sql = origin.connect().await;
        let follower = Server::bare();
        follower.connect("postgres").await.run("CREATE DATABASE copy").await;
        let copy = follower.connect("copy").await;
        copy.run("CREATE EXTENSION crier; SELECT * FROM crier.migrate()").await;
        Self { origin, sql, follower, copy }
    }

    async fn subscribe(&self) {
        self.sql
            .run("CREATE PUBLICATION crier FOR ALL TABLES WITH (publish_via_partition_root = true)")
            .await;
        let tables = "SELECT string_agg(format('crier.%I', relname), ', ') FROM pg_class \
                      WHERE relnamespace = 'crier'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition";
        let tables = self.copy.text(tables).await;
        self.copy.run(&format!("TRUNCATE {tables}")).await;
        let origin = self.origin.url("postgres");
        self.copy.run(&format!("CREATE SUBSCRIPTION crier CONNECTION '{origin}' PUBLICATION crier")).await;
    }

    /// Waits until the copy has every row of the origin.
    async fn caught_up(&self) {
        let rows = async |sql: &Session| {
            let mut tables = contents(sql).await;
            // which database this is, is each one's own, and what is not logged is not replicated
            tables.retain(|(table, ..)| !["installation", "cache_stat"].contains(&table.as_str()));
            tables
        };
        // a table whose rows are there already is copied in vain again and again
        let copying = "SELECT string_agg(srrelid::regclass::text, ',') FROM pg_subscription_rel WHERE srsubstate <> 'r'";
        wait_until("no table to be still copied", "∅".to_owned(), async || self.copy.text(copying).await)
            .await;
        let expected = rows(&self.sql).await;
        wait_until("the copy's tables", expected, async || rows(&self.copy).await).await;
    }

    async fn unfinished(&self) -> BTreeSet<Uuid> {
        let sql = "SELECT id FROM crier.jobs WHERE state IN ('pending', 'retrying', 'running')";
        self.sql.column::<Uuid>(sql, &[]).await.into_iter().collect()
    }
}

async fn claim(sql: &Session, max: i32) -> BTreeSet<Uuid> {
    let ids: Vec<Uuid> = sql.column("SELECT job_id FROM crier.claim_jobs('w', $1)", &[&max]).await;
    ids.into_iter().collect()
}

async fn complete(sql: &Session, max: i32) -> BTreeSet<Uuid> {
    let done: Vec<Uuid> = sql
        .column(
            "SELECT crier.complete_jobs(array_agg(job_id), array_agg(token)) FROM crier.claim_jobs('w', $1)",
            &[&max],
        )
        .await;
    done.into_iter().collect()
}

#[tokio::test]
async fn a_subscriber_is_paused_and_takes_over_exactly_what_is_unfinished() {
    let pair = Pair::start().await;
    let (origin, copy) = (&pair.sql, &pair.copy);
    let maintained =
        "SELECT count(*) FROM crier.run_maintenance('a person', p_tasks => '{watch,check_alerts}')";
    origin.text(maintained).await;
    origin.run("SELECT crier.enqueue('before ' || n) FROM generate_series(1, 20) n").await;
    complete(origin, 5).await;
    assert_eq!(copy.text("SELECT paused FROM crier.status()").await, "f");
    // the copy has looked into its tables before the rows came: what it has in memory then must not count later
    assert_eq!(copy.text("SELECT crier.next_run_at()").await, "∅");
    pair.subscribe().await;
    pair.caught_up().await;
    assert_eq!(copy.text("SELECT paused, reason IS NOT NULL FROM crier.status()").await, "t|t");

    origin.run("SELECT crier.enqueue('after ' || n) FROM generate_series(1, 20) n").await;
    origin.run("SELECT crier.enqueue('dead', dedupe_key => 'x')").await;
    let failed = "SELECT crier.fail_jobs(array_agg(job_id), array_agg(token), ARRAY['config'], ARRAY['{}'::jsonb]) \
                  FROM crier.claim_jobs('w', kinds => '{dead}')";
    origin.text(failed).await;
    assert!(claim(copy, 100).await.is_empty(), "expected a copy to hand out nothing");
    // outcomes, retries, progress, keys, and rows that are updated or deleted
    complete(origin, 5).await;
    origin.text("SELECT crier.retry_jobs(ARRAY(SELECT job_id FROM crier.dead_jobs()))").await;
    let retried = "SELECT crier.fail_jobs(array_agg(job_id), array_agg(token), ARRAY['transient'], ARRAY['{}'::jsonb]) \
                   FROM crier.claim_jobs('w', kinds => '{dead}')";
    origin.text(retried).await;
    for progress in [1, 2] {
        let said = format!(
            "SELECT crier.extend_jobs(array_agg(job_id), array_agg(token), '1 minute', ARRAY['{{\"n\": {progress}}}'::jsonb]) \
             FROM crier.claim_jobs('w')"
        );
        origin.text(&said).await;
    }
    // the origin may be adopted again, say after pg_upgrade
    origin.run("SELECT crier.adopt_database()").await;
    pair.caught_up().await;
    assert_eq!(copy.text("SELECT paused FROM crier.status()").await, "t");
    assert!(claim(copy, 100).await.is_empty(), "expected a copy to hand out nothing");

    origin.run("SELECT crier.enqueue('held')").await;
    let held = origin.row("SELECT job_id, token FROM crier.claim_jobs('w', kinds => '{held}')", &[]).await;
    let (held, token): (Uuid, i64) = (held.get(0), held.get(1));
    pair.caught_up().await;

    let mut unfinished = pair.unfinished().await;
    assert_eq!(unfinished.len(), 20 + 20 - 5 - 5 + 1 + 1);
    pair.origin.server().stop("fast");
    copy.run("ALTER SUBSCRIPTION crier DISABLE; ALTER SUBSCRIPTION crier SET (slot_name = NONE); DROP SUBSCRIPTION crier").await;
    assert_eq!(copy.text("SELECT paused FROM crier.status()").await, "t", "until somebody says so");
    copy.run("SELECT crier.adopt_database()").await;
    assert_eq!(copy.text("SELECT paused FROM crier.status()").await, "f");
    // no number of what came with the rows is given again
    assert_eq!(copy.text(maintained).await, "2");
    let done = "SELECT crier.complete_jobs(ARRAY[$1::uuid], ARRAY[$2::bigint])";
    assert_eq!(copy.column::<Uuid>(done, &[&held, &token]).await, [held], "expected its lease to be known");
    unfinished.remove(&held);
    // what waits; then what the origin's workers had, and the one that was to be tried again later
    let mut handed_out = claim(copy, 1000).await;
    assert_eq!(handed_out.len(), 20 + 20 - 5 - 5 - 2);
    copy.text("SELECT crier.expire_leases()").await;
    handed_out.extend(claim(copy, 1000).await);
    crier_tests::backdoor::make_all_due(copy).await;
    handed_out.extend(claim(copy, 1000).await);
    assert_eq!(handed_out, unfinished);
    copy.run("SELECT crier.enqueue('new', dedupe_key => 'x')").await;
    assert_eq!(claim(copy, 1000).await.len(), 1);
    drop(pair.follower);
}

#[tokio::test]
async fn a_subscriber_without_the_first_copy_is_paused_too() {
    let pair = Pair::start().await;
    let (origin, copy) = (&pair.sql, &pair.copy);
    origin.run("CREATE PUBLICATION crier FOR ALL TABLES WITH (publish_via_partition_root = true)").await;
    let url = pair.origin.url("postgres");
    copy.run(&format!(
        "CREATE SUBSCRIPTION crier CONNECTION '{url}' PUBLICATION crier WITH (copy_data = false)"
    ))
    .await;
    assert_eq!(copy.text("SELECT paused FROM crier.status()").await, "t");
    origin.run("SELECT crier.enqueue('a')").await;
    wait_until("the copy's jobs", "1".to_owned(), async || {
        copy.text("SELECT count(*) FROM crier.jobs").await
    })
    .await;
    assert!(claim(copy, 100).await.is_empty());
    copy.run("SELECT crier.adopt_database()").await;
    assert_eq!(copy.text("SELECT paused FROM crier.status()").await, "t", "as long as rows come in");
    copy.run("DROP SUBSCRIPTION crier").await;
    copy.run("SELECT crier.adopt_database()").await;
    assert_eq!(claim(copy, 100).await.len(), 1);
}
