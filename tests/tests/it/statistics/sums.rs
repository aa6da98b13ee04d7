//! What is summed up, and when: nothing twice, nothing missed, however late it is committed.

use crier_tests::cluster::Database;
use crier_tests::session::Session;
use uuid::Uuid;

use super::{DIFFERENCES, ROLL_UP, assert_exact, complete, fail, noted};

const CLOSED: &str = "SELECT closed_until FROM crier.stat_state";

#[tokio::test]
async fn what_is_committed_late_is_not_missed() {
    let database = Database::private().await;
    let (sql, late) = (noted(&database).await, database.connect().await);
    complete(&sql, "early", 3).await;
    sql.text(ROLL_UP).await;
    late.run("BEGIN").await;
    complete_in(&late, &sql).await;
    // others go on, and the sums are made again and again
    for _ in 0..3 {
        complete(&sql, "other", 2).await;
        sql.text(ROLL_UP).await;
    }
    let finished =
        late.text("SELECT max(finished_at) FROM crier.job_outcome WHERE finished_at >= now()").await;
    let closed = sql.text(&format!("SELECT ({CLOSED}) <= '{finished}'::timestamptz")).await;
    assert_eq!(closed, "t", "expected the time of what is not committed to stay open");
    assert_eq!(sql.text("SELECT sum(completed) FROM crier.job_stat").await, "3");
    assert_exact(&sql).await;
    late.run("COMMIT").await;
    assert_exact(&sql).await;
    sql.text(ROLL_UP).await;
    sql.text(ROLL_UP).await;
    let finished = sql.text("SELECT max(finished_at) FROM public.noted").await;
    let closed = sql.text(&format!("SELECT ({CLOSED}) > '{finished}'::timestamptz")).await;
    assert_eq!(closed, "t", "expected everything to be summed up once the transaction was over");
    assert_exact(&sql).await;
}

#[tokio::test]
async fn a_sum_that_waits_for_nobody_misses_what_is_committed_late() {
    // the negative control of the test above
    let database = Database::private().await;
    let (sql, late) = (noted(&database).await, database.connect().await);
    late.run("BEGIN").await;
    complete_in(&late, &sql).await;
    sql.run("UPDATE crier.stat_state SET closed_until = clock_timestamp()").await;
    late.run("COMMIT").await;
    assert_ne!(sql.text(DIFFERENCES).await, "", "expected a job to be missing");
}

#[tokio::test]
async fn a_sum_that_is_lost_is_noticed() {
    let database = Database::private().await;
    let sql = noted(&database).await;
    complete(&sql, "a", 5).await;
    fail(&sql, "b").await;
    sql.text(ROLL_UP).await;
    assert_exact(&sql).await;
    assert_ne!(sql.text("DELETE FROM crier.job_stat WHERE kind = 'b' RETURNING kind").await, "");
    assert_ne!(sql.text(DIFFERENCES).await, "", "expected the comparison to see that a sum is gone");
}

#[tokio::test]
async fn dead_letters_that_are_purged_or_retried_did_fail() {
    let database = Database::private().await;
    let sql = noted(&database).await;
    let (before, after) = (fail(&sql, "purged").await, fail(&sql, "retried").await);
    for call in
        [format!("purge_jobs(ARRAY['{before}'::uuid])"), format!("retry_jobs(ARRAY['{after}'::uuid])")]
    {
        sql.text(&format!("SELECT crier.{call}")).await;
    }
    assert_exact(&sql).await;
    sql.text(ROLL_UP).await;
    assert_exact(&sql).await;
    assert_eq!(sql.text("SELECT count(*) FROM crier.job_undone").await, "0");
    // summed up first, then purged
    let late = fail(&sql, "late").await;
    sql.text(ROLL_UP).await;
    sql.text(&format!("SELECT crier.purge_jobs(ARRAY['{late}'::uuid])")).await;
    assert_exact(&sql).await;
    assert_eq!(sql.text("SELECT failed FROM crier.get_queue_stats()").await, "0", "no dead letter is left");
    assert_eq!(sql.text("SELECT failed_last_hour FROM crier.get_queue_stats()").await, "3");
}

#[tokio::test]
async fn a_transaction_that_only_reads_holds_nothing_up() {
    let database = Database::private().await;
    let (sql, reader) = (noted(&database).await, database.connect().await);
    reader.run("BEGIN ISOLATION LEVEL REPEATABLE READ").await;
    assert_eq!(reader.text("SELECT completed_last_hour FROM crier.get_queue_stats()").await, "0");
    complete(&sql, "a", 4).await;
    sql.text(ROLL_UP).await;
    assert_eq!(sql.text("SELECT sum(completed) FROM crier.job_stat").await, "4");
    assert_exact(&sql).await;
    // its snapshot is the old one, for the sums as for the log
    assert_eq!(reader.text("SELECT completed_last_hour FROM crier.get_queue_stats()").await, "0");
}

#[tokio::test]
async fn two_at_once_sum_up_once() {
    let database = Database::private().await;
    let sql = noted(&database).await;
    complete(&sql, "a", 20).await;
    let other = database.connect().await;
    other.run(&format!("BEGIN; {ROLL_UP}")).await;
    assert_eq!(sql.text(ROLL_UP).await, r#"{"busy": true}"#);
    other.run("COMMIT").await;
    sql.text(ROLL_UP).await;
    assert_exact(&sql).await;
}

#[tokio::test]
async fn days_and_hours_are_the_sums_of_their_minutes() {
    let database = Database::private().await;
    let sql = noted(&database).await;
    // four days of history, put where it would be
    sql.run(
        "INSERT INTO crier.job (id, kind, params, priority, run_at, max_attempts, created_at)
         SELECT crier.new_id(), 'k' || n % 3, '{}', 0, now(), 3, now() FROM generate_series(1, 3000) n;
         UPDATE crier.stat_state SET begun_at = date_trunc('hour', now() - interval '4 days'),
                closed_until = date_trunc('hour', now() - interval '4 days');
         WITH j AS (SELECT id, now() - random() * interval '4 days' + interval '1 hour' AS at FROM crier.job)
         INSERT INTO crier.job_outcome (id, state, run_at, attempt, lost_leases, token, finished_at)
         SELECT id, (ARRAY['completed', 'failed', 'canceled'])[1 + floor(random() * 3)], at - interval '9 s', 1, 0,
                crier.micros(at) - (random() * 1e6)::bigint, least(at, now()) FROM j",
    )
    .await;
    let mut rounds = 0;
    while sql.text("SELECT crier.roll_up_statistics('7 hours', '0') ->> 'more'").await == "true" {
        rounds += 1;
        assert!(rounds < 20, "expected an end");
    }
    assert_eq!(sql.text("SELECT count(DISTINCT span) FROM crier.job_stat").await, "3");
    for window in ["1 hour", "5 hours", "1 day", "2 days", "50 hours", "3 days", "NULL"] {
        let window = if window == "NULL" { window.to_owned() } else { format!("'{window}'") };
        let compare = format!(
            "SELECT s.completed, s.failed, s.canceled,
                    abs(extract(epoch FROM s.processing_p95) / nullif(e.p95, 0) - 1) < 0.0201
             FROM crier.get_job_queue_stats({window}) s,
                  (SELECT percentile_disc(0.95) WITHIN GROUP (ORDER BY (crier.micros(finished_at) - token) / 1e6) AS p95
                   FROM public.noted WHERE token IS NOT NULL AND finished_at >= crier.stat_since({window})) e
             WHERE s.kind IS NULL"
        );
        let recount = format!(
            "SELECT count(*) FILTER (WHERE state = 'completed'), count(*) FILTER (WHERE state = 'failed'),
                    count(*) FILTER (WHERE state = 'canceled'), true
             FROM public.noted WHERE finished_at >= crier.stat_since({window})"
        );
        assert_eq!(sql.text(&compare).await, sql.text(&recount).await, "window {window}");
    }
    for (bucket, since) in [("minute", "30 hours"), ("hour", "3 days"), ("day", "5 days")] {
        let differ = format!(
            "WITH said AS (SELECT bucket, completed, failed FROM crier.throughput('{bucket}', now() - interval '{since}')),
                  counted AS (SELECT date_trunc('{bucket}', finished_at), count(*) FILTER (WHERE state = 'completed'),
                                     count(*) FILTER (WHERE state = 'failed') FROM public.noted
                              WHERE finished_at >= date_trunc('{bucket}', now() - interval '{since}') GROUP BY 1)
             (TABLE said EXCEPT TABLE counted) UNION ALL (TABLE counted EXCEPT TABLE said)"
        );
        assert_eq!(sql.text(&differ).await, "", "{bucket}");
    }
}

#[tokio::test]
async fn many_kinds_are_put_together() {
    let sql = Database::shared().await.connect().await;
    sql.run(
        "INSERT INTO crier.job_stat (span, starts_at, kind, platform, completed, failed, canceled, attempts, timed, processing_us, \
                                     processing)
         SELECT 'minute', timestamptz '2026-01-01 10:30Z', 'k' || n, '', n, 1, 0, n, 1, 5, crier.make_sketch(ARRAY[5])
         FROM generate_series(1, 1500) n;
         SELECT crier.sum_up_span('minute', 'hour', '2026-01-01 10:00Z', '2026-01-01 11:00Z')",
    )
    .await;
    let sums = "SELECT span, sum(completed), sum(failed), sum(attempts), sum(processing_us) FROM crier.job_stat GROUP BY 1 ORDER BY 1";
    let expected = 1500 * 1501 / 2;
    assert_eq!(
        sql.text(sums).await,
        format!("hour|{expected}|1500|{expected}|7500\nminute|{expected}|1500|{expected}|7500")
    );
    let others = "SELECT count(*), max(failed), max(kind) FILTER (WHERE failed > 1) FROM crier.job_stat WHERE span = 'hour'";
    assert_eq!(sql.text(others).await, "1001|500|(others)");
}

#[tokio::test]
async fn a_sum_of_another_cluster_does_not_hold_the_sums_up() {
    let database = Database::private().await;
    let sql = noted(&database).await;
    complete(&sql, "a", 1).await;
    sql.run("UPDATE crier.stat_state SET next_until = now() - interval '1 second', next_xid = 9000000000000")
        .await;
    sql.text(ROLL_UP).await;
    let closed = sql.text(&format!("SELECT ({CLOSED}) > now() - interval '1 minute'")).await;
    assert_eq!(closed, "t");
    assert_exact(&sql).await;
}

/// Completes a job inside the open transaction of `late`.
async fn complete_in(late: &Session, sql: &Session) {
    sql.run("SELECT crier.enqueue('late')").await;
    let row = sql.row("SELECT job_id, token FROM crier.claim_jobs('a worker', 1, '{late}')", &[]).await;
    let (id, token): (Uuid, i64) = (row.get(0), row.get(1));
    let done =
        late.rows("SELECT crier.complete_jobs(ARRAY[$1::uuid], ARRAY[$2::bigint])", &[&id, &token]).await;
    assert_eq!(done.len(), 1);
}
