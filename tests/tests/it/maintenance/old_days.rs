//! Days of the log go as a whole, and what must stay of them stays.

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::session::Session;
use crier_tests::wait::wait_until;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Kept, complete_all, did, enqueue, fail_all, set, states};

const DROP: &str = "drop_old_days()";

/// Drops until nothing is left to do; what came of the days with jobs.
async fn drop_all(sql: &Session) -> Vec<Value> {
    let mut did_something = Vec::new();
    loop {
        let said = did(sql, DROP).await;
        if said.get("dropped").is_none() && said.get("dropped_claims").is_none() {
            return did_something;
        }
        if said["carried"].as_i64().is_some_and(|carried| carried > 0) {
            did_something.push(said);
        }
    }
}

/// Drops days up to the first one with something that stays, and leaves that transaction open.
async fn drop_and_stay(sql: &Session) {
    loop {
        sql.run("BEGIN").await;
        let said = did(sql, DROP).await;
        if said["carried"].as_i64().unwrap_or_else(|| panic!("expected another day to drop: {said}")) > 0 {
            return;
        }
        sql.run("COMMIT").await;
    }
}

async fn days(sql: &Session) -> i64 {
    sql.value("SELECT count(*) FROM crier.partitions WHERE day < current_date - 7", &[]).await
}

#[tokio::test]
async fn what_must_stay_of_a_day_stays_and_the_rest_goes_with_it() {
    let database = Database::private().await;
    let mut kept = Kept::days_ago(&database, 10).await;
    assert_eq!(kept.states().await, "completed completed completed failed pending");
    let dropped = drop_all(&kept.sql).await;
    assert_eq!(dropped.len(), 1, "{dropped:?}");
    assert_eq!(dropped[0]["carried"], 2);
    assert_eq!(days(&kept.sql).await, 0);
    assert_eq!(kept.states().await, "failed pending");
    assert_eq!(kept.sql.text("SELECT count(*) FROM crier.job_outcome").await, "1");
    let shown = kept.sql.text("SELECT job_id, error ->> 'message' FROM crier.dead_jobs()").await;
    assert_eq!(shown, format!("{}|no", kept.dead));

    database.server().crash_and_restart();
    kept.sql = database.connect().await;
    assert_eq!(kept.states().await, "failed pending");
    let retried: Vec<Uuid> = kept.sql.column("SELECT crier.retry_jobs(ARRAY[$1::uuid])", &[&kept.dead]).await;
    assert_eq!(retried, [kept.dead]);
    assert_eq!((complete_all(&kept.sql, "dead").await, complete_all(&kept.sql, "waiting").await), (1, 1));
    assert_eq!(kept.states().await, "completed completed");
    assert_eq!(drop_all(&kept.sql).await, Vec::<Value>::new());
    assert_eq!(kept.states().await, "completed completed", "they ended just now");
    let ids: Vec<Uuid> = kept.sql.column("SELECT id FROM crier.job_default ORDER BY 1", &[]).await;
    assert_eq!(ids, [kept.dead, kept.waiting]);
}

#[tokio::test]
async fn younger_days_and_jobs_that_ended_lately_stay() {
    let database = Database::shared().await;
    let kept = Kept::days_ago(&database, 5).await;
    assert_eq!(did(&kept.sql, DROP).await, json!({}));
    assert_eq!(kept.states().await, "completed completed completed failed pending");
    backdoor::pass_days(&kept.sql, 5).await;
    // ends now, ten days after it was added
    complete_all(&kept.sql, "waiting").await;
    assert_eq!(drop_all(&kept.sql).await[0]["carried"], 2);
    assert_eq!(kept.states().await, "failed completed");
    // the negative control: it goes when its own time has come
    set(&kept.sql, "keep_finished_jobs", "1 microsecond").await;
    assert_eq!(
        did(&kept.sql, "cleanup_finished_jobs(p_max_ms => 60000)").await["deleted"],
        0,
        "its end is not summed up yet"
    );
    wait_until("its end to be summed up", "failed".to_owned(), async || {
        did(&kept.sql, "roll_up_statistics(p_margin => '0')").await;
        did(&kept.sql, "cleanup_finished_jobs(p_max_ms => 60000)").await;
        kept.states().await
    })
    .await;
}

#[tokio::test]
async fn for_ever_is_for_ever() {
    let database = Database::shared().await;
    let kept = Kept::days_ago(&database, 30).await;
    kept.sql.run("UPDATE crier.maintenance_setting SET value = NULL WHERE name LIKE 'keep%finished%'").await;
    assert_eq!(did(&kept.sql, DROP).await.get("dropped"), None);
    assert_eq!(did(&kept.sql, "cleanup_finished_jobs(p_max_ms => 60000)").await, json!({"deleted": 0}));
    assert_eq!(kept.states().await, "completed completed completed failed pending");
}

#[tokio::test]
async fn a_day_with_many_dead_letters_stays_and_is_emptied_row_by_row() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    enqueue(&sql, "dead", 1_001).await;
    fail_all(&sql, "dead", "config").await;
    enqueue(&sql, "done", 10).await;
    complete_all(&sql, "done").await;
    backdoor::pass_days(&sql, 10).await;
    drop_all(&sql).await;
    let crowded = did(&sql, DROP).await;
    assert_eq!(crowded["crowded"].as_array().map(Vec::len), Some(1), "{crowded}");
    let counts = "SELECT string_agg(state || ' ' || n, ', ' ORDER BY state) FROM (SELECT state, count(*) AS n FROM crier.jobs GROUP BY 1) s";
    assert_eq!(sql.text(counts).await, "completed 10, failed 1001");
    assert_eq!(
        did(&sql, "cleanup_finished_jobs(p_max_ms => 60000)").await,
        json!({"deleted": 10}),
        "{crowded}"
    );
    assert_eq!(sql.text(counts).await, "failed 1001");
    // one purged, and the day can go
    sql.text("SELECT count(*) FROM crier.purge_jobs(ARRAY(SELECT job_id FROM crier.dead_jobs(max => 1)))")
        .await;
    assert_eq!(drop_all(&sql).await[0]["carried"], 1_000);
    assert_eq!(sql.text(counts).await, "failed 1000");
}

#[tokio::test]
async fn readers_and_writers_are_not_kept_waiting() {
    let database = Database::shared().await;
    let kept = Kept::days_ago(&database, 10).await;
    let (reader, worker) = (database.connect().await, database.connect().await);
    reader.run("BEGIN; SELECT count(*) FROM crier.jobs").await;
    worker.run("SET lock_timeout = '20s'").await;
    enqueue(&worker, "new", 1).await;
    let (said, done) = tokio::join!(did(&kept.sql, DROP), complete_all(&worker, "new"));
    assert!(said.get("locked").is_some(), "expected it to give up behind the reader: {said}");
    assert_eq!(done, 1);
    assert_eq!(kept.states().await, "completed completed completed failed pending completed");
    reader.run("COMMIT").await;
    assert_eq!(drop_all(&kept.sql).await.len(), 1);
}

#[tokio::test]
async fn nobody_is_made_to_wait_behind_a_transaction_that_takes_long() {
    let database = Database::shared().await;
    let (sql, reader) = (database.connect().await, database.connect().await);
    let held = async |mode: &str| -> bool {
        sql.value("SELECT crier.are_held('{job_outcome, job}', $1)", &[&mode]).await
    };
    assert!(!held("ACCESS EXCLUSIVE").await);
    reader.run("BEGIN; SELECT count(*) FROM crier.job").await;
    assert!(held("ACCESS EXCLUSIVE").await, "the table is read");
    assert!(!held("SHARE").await, "who reads keeps nobody from a lock that lets read");
    reader.run("DELETE FROM crier.job").await;
    assert!(held("SHARE").await, "the table is written");
    reader.run("ROLLBACK").await;
    assert!(!held("ACCESS EXCLUSIVE").await);
}

#[tokio::test]
async fn a_day_that_is_cleaned_up_is_not_dropped_meanwhile_and_one_that_is_dropped_is_passed_over() {
    let database = Database::shared().await;
    let (sql, cleaner) = (database.connect().await, database.connect().await);
    backdoor::add_completed(&sql, 3, 20).await;
    let day = sql.text("SELECT to_char(current_date - 20, 'YYYYMMDD')").await;
    cleaner.run("BEGIN").await;
    assert!(cleaner.value::<bool>("SELECT crier.hold_place($1)", &[&day]).await);
    assert_eq!(did(&sql, DROP).await, json!({"locked": day}));
    cleaner.run("COMMIT").await;
    assert_eq!(did(&sql, DROP).await["dropped"], json!(day));
    assert!(!cleaner.value::<bool>("SELECT crier.hold_place($1)", &[&day]).await);
}

#[tokio::test]
async fn one_session_at_a_time_and_a_killed_one_leaves_everything_as_it_was() {
    let database = Database::shared().await;
    let kept = Kept::days_ago(&database, 10).await;
    let first = database.connect().await;
    drop_and_stay(&first).await;
    assert_eq!(did(&kept.sql, DROP).await, json!({"busy": true}));
    let pid = first.text("SELECT pg_backend_pid()").await;
    kept.sql.text(&format!("SELECT pg_terminate_backend({pid})")).await;
    wait_until("the session to be gone", "0".to_owned(), async || {
        kept.sql.text(&format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}")).await
    })
    .await;
    assert_eq!(kept.states().await, "completed completed completed failed pending");
    assert_eq!(drop_all(&kept.sql).await[0]["carried"], 2);
    assert_eq!(kept.states().await, "failed pending");
}

#[tokio::test]
async fn a_claim_that_waits_for_the_change_finds_its_job_where_it_is_then() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    let id = backdoor::aged(enqueue(&sql, "old", 1).await[0], 10);
    backdoor::pass_days(&sql, 10).await;
    let worker = database.connect().await;
    let pid = worker.text("SELECT pg_backend_pid()").await;
    // its plans are made: it waits where it reads, not where it prepares
    enqueue(&worker, "warm", 1).await;
    complete_all(&worker, "warm").await;
    worker.run("SET statement_timeout = '30s'").await;
    let dropper = database.connect().await;
    drop_and_stay(&dropper).await;
    let claiming = tokio::spawn(async move {
        let claimed: Vec<Uuid> =
            worker.column("SELECT job_id FROM crier.claim_jobs('w', kinds => '{old}')", &[]).await;
        (claimed, worker)
    });
    wait_until("the worker to wait", "Lock".to_owned(), async || {
        sql.text(&format!("SELECT wait_event_type FROM pg_stat_activity WHERE pid = {pid}")).await
    })
    .await;
    dropper.run("COMMIT").await;
    let (claimed, worker) = claiming.await.expect("a claim");
    assert_eq!(claimed, [id]);
    drop(worker);
    assert_eq!(states(&sql).await, "running completed");
}

#[tokio::test]
async fn the_job_log_is_indexed_and_goes_by_its_own_age() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    let days = "SELECT string_agg(age::text, ',' ORDER BY age DESC) \
                FROM (SELECT current_date - d::date AS age FROM crier.days_of('job_log') AS d) AS a WHERE age > 0";
    for age in [40, 31, 30, 8] {
        sql.text(&format!("SELECT crier.create_day('job_log', current_date - {age})")).await;
        sql.text(&format!("SELECT crier.attach_day('job_log', current_date - {age})")).await;
    }
    let maintain = "SELECT did FROM crier.run_maintenance(p_tasks => '{index_history}')";
    let made: Value = sql.value(maintain, &[]).await;
    assert_eq!(
        (made["made"].as_array().map(Vec::len), &made["more"]),
        (Some(1), &Value::Bool(true)),
        "{made}"
    );
    sql.run("UPDATE crier.maintenance_setting SET value = NULL WHERE name = 'keep_job_log'").await;
    drop_all(&sql).await;
    assert_eq!(sql.text(days).await, "40,31,30,8");
    set(&sql, "keep_job_log", "30 days").await;
    drop_all(&sql).await;
    assert_eq!(sql.text(days).await, "30,8");
}
