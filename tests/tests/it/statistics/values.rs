//! What the functions answer, on a primary, in a transaction that reads only, and on a standby.

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::session::Session;
use crier_tests::stage::{create_workspace, dummy_account};
use crier_tests::wait::wait_until;

use super::{ROLL_UP, complete, fail};

const READS: [&str; 8] = [
    "SELECT * FROM crier.get_queue_stats()",
    "SELECT * FROM crier.get_job_queue_stats()",
    "SELECT * FROM crier.throughput()",
    "SELECT * FROM crier.get_worker_stats()",
    "SELECT * FROM crier.get_account_stats()",
    "SELECT * FROM crier.list_blocks()",
    "SELECT * FROM crier.alerts(true)",
    "SELECT s.* FROM crier.workspace w, crier.get_workspace_stats(w.id) s",
];

/// The database may have been made long ago, as a copy of one that is as old as this run.
async fn sums_are_new(sql: &Session) {
    sql.run("UPDATE crier.stat_state SET closed_until = now()").await;
}

#[tokio::test]
async fn an_empty_queue_has_statistics() {
    let database = Database::private().await;
    let sql = database.connect().await;
    let stats = "SELECT pending, retrying, running, changing, scheduled_later, failed, completed_last_hour, completed_last_day, \
                 completed_per_minute, oldest_due_at, memory_used, memory_complete, paused FROM crier.get_queue_stats()";
    assert_eq!(sql.text(stats).await, "0|0|0|0|0|0|0|0|0|∅|0|t|f");
    let kinds = "SELECT kind, pending, completed, error_rate, waiting_p50 FROM crier.get_job_queue_stats()";
    assert_eq!(sql.text(kinds).await, "∅|0|0|∅|∅");
    sums_are_new(&sql).await;
    assert_eq!(sql.text("SELECT count(*) FROM crier.alerts()").await, "0");
    assert_eq!(sql.text("SELECT count(*) FROM crier.get_worker_stats()").await, "0");
}

#[tokio::test]
async fn states_are_those_of_the_jobs() {
    let database = Database::private().await;
    let sql = database.connect().await;
    complete(&sql, "a", 3).await;
    fail(&sql, "b").await;
    sql.run("SELECT crier.enqueue('c'); SELECT * FROM crier.claim_jobs('w2', 1)").await;
    sql.run("SELECT crier.enqueue('d', run_at => now() + interval '5 minutes'); SELECT crier.enqueue('d')")
        .await;
    sql.run("SELECT crier.enqueue('far', run_at => now() + interval '3 days')").await;
    sql.run(
        "SELECT crier.enqueue('e', priority => 5);
         SELECT crier.fail_jobs(ARRAY[job_id], ARRAY[token], ARRAY['transient'], ARRAY['{}'::jsonb]) FROM crier.claim_jobs('w2', 1)",
    )
    .await;
    for summed in [false, true] {
        if summed {
            sql.text(ROLL_UP).await;
        }
        let stats = "SELECT pending, retrying, running, changing, scheduled_later, failed, completed_last_hour, failed_last_hour, \
                     completed_last_day, completed_per_minute, oldest_due_age < '1 minute', paused FROM crier.get_queue_stats()";
        assert_eq!(sql.text(stats).await, "2|1|1|0|1|1|3|1|3|3|t|f", "summed up: {summed}");
        let kinds = "SELECT kind, pending, retrying, running, completed, failed, attempts, error_rate, \
                     processing_p99 >= processing_p50 FROM crier.get_job_queue_stats('1 hour')";
        let expected = "∅|2|1|1|3|1|4|0.25|t\na|0|0|0|3|0|3|0|t\nb|0|0|0|0|1|1|1|t\n\
                        c|0|0|1|0|0|0|∅|∅\nd|2|0|0|0|0|0|∅|∅\ne|0|1|0|0|0|0|∅|∅";
        assert_eq!(sql.text(kinds).await, expected, "summed up: {summed}");
        let workers = "SELECT worker, running, claimed_last_day, completed_last_day, failed_last_day, \
                       last_seen_at > now() - interval '2 minutes', workspaces FROM crier.get_worker_stats()";
        assert_eq!(sql.text(workers).await, "a worker|0|4|3|1|t|0\nw2|1|2|0|0|t|0", "summed up: {summed}");
        let bucket = "SELECT sum(completed), sum(failed), sum(attempts) FROM crier.throughput('hour')";
        assert_eq!(sql.text(bucket).await, "3|1|4");
    }
    backdoor::make_retries_due(&sql).await;
    assert_eq!(sql.text("SELECT retrying FROM crier.get_queue_stats()").await, "1");
    sql.run("SELECT crier.pause_jobs()").await;
    assert_eq!(sql.text("SELECT paused FROM crier.get_queue_stats()").await, "t");
}

#[tokio::test]
async fn a_worker_has_jobs_of_so_many_workspaces() {
    let database = Database::private().await;
    let sql = database.connect().await;
    let (one, other) = (create_workspace(&sql).await, create_workspace(&sql).await);
    for (workspace, jobs) in [(Some(one), 2), (Some(other), 1), (None, 1)] {
        let many = "SELECT count(*) FROM generate_series(1, $2::int), crier.enqueue('k', '{}', $1)";
        sql.rows(many, &[&workspace, &jobs]).await;
    }
    // each owner has one job in hand at a time
    sql.run("SELECT * FROM crier.claim_jobs('w', 2); SELECT * FROM crier.claim_jobs('w', 2)").await;
    let workers = "SELECT worker, running, workspaces FROM crier.get_worker_stats()";
    assert_eq!(sql.text(workers).await, "w|3|2");
}

#[tokio::test]
async fn alerts_say_what_is_above_its_threshold() {
    let database = Database::private().await;
    let sql = database.connect().await;
    let workspace = create_workspace(&sql).await;
    let account = dummy_account(&sql, workspace, "alice.test").await;
    sql.run("UPDATE crier.alert_threshold SET threshold = 2 WHERE name = 'pending_jobs'").await;
    sql.run("SELECT crier.enqueue('a') FROM generate_series(1, 2)").await;
    sums_are_new(&sql).await;
    let names = "SELECT name, value FROM crier.alerts() ORDER BY 1";
    assert_eq!(sql.text(names).await, "", "expected nothing at its threshold");
    sql.run("SELECT crier.enqueue('a')").await;
    assert_eq!(sql.text(names).await, "pending_jobs|3");
    fail(&sql, "b").await;
    sql.run(&format!("SELECT crier.block_account('{account}', now() + interval '1 hour')")).await;
    sql.run("UPDATE crier.social_account SET status = 'reauth_required'").await;
    // one of those that were first was the one that failed: the kind is all that tells them apart
    assert_eq!(
        sql.text("SELECT string_agg(name, ',' ORDER BY name) FROM crier.alerts()").await,
        "blocks,failure_rate,pending_jobs,reauth_required"
    );
    sql.run("UPDATE crier.alert_threshold SET enabled = false WHERE name = 'blocks'").await;
    assert_eq!(sql.text("SELECT count(*) FROM crier.alerts() WHERE name = 'blocks'").await, "0");
    let all =
        "SELECT (SELECT count(*) FROM crier.alerts(true)) = (SELECT count(*) FROM crier.alert_threshold)";
    assert_eq!(sql.text(all).await, "t", "expected a value for every threshold");
}

#[tokio::test]
async fn reads_work_in_a_read_only_transaction_and_on_a_standby() {
    let database = Database::private().await;
    let sql = database.connect().await;
    create_workspace(&sql).await;
    complete(&sql, "a", 5).await;
    sql.text(ROLL_UP).await;
    complete(&sql, "a", 2).await;
    sql.run("BEGIN READ ONLY").await;
    for read in READS {
        assert!(sql.try_text(read).await.is_ok(), "{read}");
    }
    let xid = sql.text("SELECT pg_current_xact_id_if_assigned()").await;
    assert_eq!(xid, "∅", "expected no transaction id");
    sql.run("COMMIT").await;
    let standby = database.server().standby();
    let session = standby.connect(database.name()).await;
    wait_until("the standby's statistics", "7".to_owned(), async || {
        session.text("SELECT completed_last_hour FROM crier.get_queue_stats()").await
    })
    .await;
    for read in READS {
        let answer = session.try_text(read).await;
        assert!(answer.is_ok(), "{read}: {answer:?}");
    }
    assert_eq!(
        session.text("SELECT pending, running, memory_used FROM crier.get_queue_stats()").await,
        "∅|∅|∅"
    );
    assert_eq!(session.refusal(ROLL_UP).await.code, "25006");
}
