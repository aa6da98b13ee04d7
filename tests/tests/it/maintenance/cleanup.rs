//! What is cleaned up row by row: what is too old, and nothing else; bounded; by one session at a time.

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::stage::{create_workspace, dummy_account};
use serde_json::json;
use uuid::Uuid;

use super::{Kept, complete_all, did, enqueue, fail_all, set, states};

const FINISHED: &str = "cleanup_finished_jobs(p_grace => '0')";

#[tokio::test]
async fn finished_jobs_go_and_dead_letters_stay_until_they_are_told_to_go() {
    let database = Database::shared().await;
    let kept = Kept::days_ago(&database, 10).await;
    assert_eq!(did(&kept.sql, FINISHED).await, json!({"deleted": 3}));
    assert_eq!(kept.states().await, "failed pending");
    for table in ["job", "job_outcome", "job_retry"] {
        let left = format!("SELECT count(*) FROM crier.{table} WHERE id = ANY ($1)");
        assert_eq!(kept.sql.value::<i64>(&left, &[&kept.completed]).await, 0, "{table}");
    }
    set(&kept.sql, "keep_failed_jobs", "11 days").await;
    assert_eq!(did(&kept.sql, FINISHED).await, json!({"deleted": 0}));
    set(&kept.sql, "keep_failed_jobs", "9 days").await;
    assert_eq!(did(&kept.sql, FINISHED).await, json!({"deleted": 1}));
    assert_eq!(kept.states().await, "pending");
}

#[tokio::test]
async fn it_ends_when_its_time_is_over_and_says_so() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    enqueue(&sql, "done", 200).await;
    complete_all(&sql, "done").await;
    backdoor::pass_days(&sql, 10).await;
    let mut deleted = 0;
    let mut calls = 0;
    loop {
        let said = did(&sql, "cleanup_finished_jobs(p_batch => 1, p_max_ms => 1, p_grace => '0')").await;
        deleted += said["deleted"].as_i64().expect("a number");
        calls += 1;
        if said["more"] != true {
            break;
        }
    }
    assert!(deleted == 200 && calls > 1, "{deleted} deleted by {calls} calls");
    assert_eq!(states(&sql).await, "∅");
}

#[tokio::test]
async fn each_task_is_one_sessions_at_a_time() {
    let database = Database::shared().await;
    let (first, second) = (database.connect().await, database.connect().await);
    for task in [
        "cleanup_finished_jobs()",
        "cleanup_leftovers()",
        "cleanup_old_events()",
        "cleanup_old_actions()",
        "cleanup_expired_oauth_states_batch()",
        "cleanup_maintenance_log()",
        "purge_workspaces()",
        "retry_failed_jobs()",
        "expire_pending_jobs()",
        "drop_old_days()",
    ] {
        first.run("BEGIN").await;
        let said = did(&first, task).await;
        assert_eq!(said.get("busy"), None, "{task}: {said}");
        assert_eq!(did(&second, task).await, json!({"busy": true}), "{task}");
        first.run("ROLLBACK").await;
        assert_eq!(did(&second, task).await.get("busy"), None, "{task}");
    }
}

#[tokio::test]
async fn failed_jobs_of_posts_go_after_their_own_time() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    let workspace = create_workspace(&sql).await;
    let account = dummy_account(&sql, workspace, "alice.test").await;
    let post = "SELECT crier.create_post($1, 'text', ARRAY[$2::uuid])";
    let _: Uuid = sql.value(post, &[&workspace, &account]).await;
    fail_all(&sql, "publish_post", "config").await;
    assert_eq!(states(&sql).await, "failed");
    backdoor::pass_days(&sql, 30).await;
    assert_eq!(did(&sql, FINISHED).await, json!({"deleted": 0}));
    set(&sql, "keep_failed_posts", "29 days").await;
    assert_eq!(did(&sql, FINISHED).await, json!({"deleted": 1}));
    assert_eq!(sql.text("SELECT state FROM crier.posts").await, "failed", "the post has its outcome");
}

#[tokio::test]
async fn leftovers_of_ended_jobs_go_and_those_of_living_ones_stay() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    let ended = enqueue(&sql, "ended", 1).await[0];
    complete_all(&sql, "ended").await;
    let gone = Uuid::new_v4();
    let living: Uuid = sql.value("SELECT crier.enqueue('living', dedupe_key => 'mine')", &[]).await;
    let later: Uuid =
        sql.value("SELECT crier.enqueue('later', run_at => now() + interval '1 day')", &[]).await;
    let key = "INSERT INTO crier.job_key VALUES ('00000000-0000-0000-0000-000000000000', 'k', $1::uuid::text, $1, now())";
    let time = "INSERT INTO crier.job_scheduled VALUES (now() - interval '2 hours', $1)";
    let progress = "INSERT INTO crier.job_progress VALUES ($1, NULL, '{}', now())";
    for id in [ended, gone] {
        for sql_text in [key, time] {
            sql.rows(sql_text, &[&id]).await;
        }
    }
    for id in [gone, living] {
        sql.rows(progress, &[&id]).await;
    }
    // due long ago and not finished: it may not have been read into memory
    sql.rows(time, &[&living]).await;
    // batches of one: every row is looked at on its own
    assert_eq!(
        did(&sql, "cleanup_leftovers(1, p_max_ms => 60000)").await,
        json!({"keys": 2, "times": 2, "progress": 1, "blocks": 0})
    );
    assert_eq!(
        did(&sql, "cleanup_leftovers(p_max_ms => 60000)").await,
        json!({"keys": 0, "times": 0, "progress": 0, "blocks": 0})
    );
    assert_eq!(sql.column::<Uuid>("SELECT job_id FROM crier.job_key", &[]).await, [living]);
    let times: Vec<Uuid> = sql.column("SELECT id FROM crier.job_scheduled ORDER BY run_at", &[]).await;
    assert_eq!(times, [living, later]);
    assert_eq!(sql.column::<Uuid>("SELECT id FROM crier.job_progress", &[]).await, [living]);
}

#[tokio::test]
async fn a_look_for_leftovers_that_runs_out_of_time_goes_on_where_it_stopped() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    for key in ["a", "b", "c"] {
        sql.rows("SELECT crier.enqueue('living', dedupe_key => $1)", &[&key]).await;
    }
    sql.run("INSERT INTO crier.job_key VALUES ('ffffffff-0000-0000-0000-000000000000', 'k', 'z', crier.new_id(), now())").await;
    let mut calls = 0;
    // one row a call, and not the first one each time
    while did(&sql, "cleanup_leftovers(1, 1, p_pause_ms => 2)").await["more"] == true {
        calls += 1;
        assert!(calls < 20, "it does not get to the end");
    }
    assert!(calls > 0, "expected it to run out of time");
    let left: Vec<String> = sql.column("SELECT dedupe_key FROM crier.job_key ORDER BY 1", &[]).await;
    assert_eq!(left, ["a", "b", "c"]);
    assert_eq!(
        did(&sql, "cleanup_leftovers(p_max_ms => 60000)").await["more"],
        json!(null),
        "and begins again"
    );
}

#[tokio::test]
async fn events_and_the_log_of_the_maintenance_go_by_age() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    let workspace = create_workspace(&sql).await;
    sql.rows(
        "INSERT INTO crier.event (workspace_id, id, kind, created_at) \
         SELECT $1, crier.new_id(), 'x', now() - n * interval '100 days' FROM generate_series(1, 5) n",
        &[&workspace],
    )
    .await;
    assert_eq!(did(&sql, "cleanup_old_events(1, p_max_ms => 60000)").await, json!({"deleted": 2}));
    assert_eq!(sql.text("SELECT count(*) FROM crier.events").await, "3");
    let old = "INSERT INTO crier.maintenance_run (id, task, runner, started_at, took) SELECT crier.new_id(), 'watch', 'x', now() - n * interval '20 days', \
               '0' FROM generate_series(1, 2) n";
    sql.run(old).await;
    assert_eq!(did(&sql, "cleanup_maintenance_log(p_max_ms => 60000)").await, json!({"deleted": 1}));
}

#[tokio::test]
async fn passing_errors_are_tried_again_and_posts_never() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    let workspace = create_workspace(&sql).await;
    let account = dummy_account(&sql, workspace, "alice.test").await;
    let _: Uuid =
        sql.value("SELECT crier.create_post($1, 'text', ARRAY[$2::uuid])", &[&workspace, &account]).await;
    fail_all(&sql, "publish_post", "config").await;
    enqueue(&sql, "passing", 2).await;
    fail_all(&sql, "passing", "transient").await;
    enqueue(&sql, "lasting", 1).await;
    fail_all(&sql, "lasting", "config").await;
    // a post's job with an error that would do
    sql.run("UPDATE crier.job_outcome SET error = '{\"class\": \"transient\"}' WHERE id = (SELECT job_id FROM crier.post_target)")
        .await;
    let before = states(&sql).await;
    assert_eq!(
        did(&sql, "retry_failed_jobs(p_max_ms => 60000)").await,
        json!({"retried": 0}),
        "not before an hour has passed"
    );
    assert_eq!(states(&sql).await, before);
    set(&sql, "retry_failed_after", "1 microsecond").await;
    assert_eq!(did(&sql, "retry_failed_jobs(1, p_max_ms => 60000)").await, json!({"retried": 2}));
    assert_eq!(complete_all(&sql, "passing").await, 2);
    assert_eq!(states(&sql).await, "failed completed completed failed");

    // not for ever
    enqueue(&sql, "given_up", 1).await;
    fail_all(&sql, "given_up", "transient").await;
    backdoor::pass_days(&sql, 1).await;
    assert_eq!(did(&sql, "retry_failed_jobs(p_max_ms => 60000)").await, json!({"retried": 0}));
    sql.run("UPDATE crier.maintenance_setting SET value = NULL WHERE name = 'retry_failed_after'").await;
    set(&sql, "retry_failed_for", "10 days").await;
    assert_eq!(did(&sql, "retry_failed_jobs(p_max_ms => 60000)").await, json!({"retried": 0}), "null is off");
}

#[tokio::test]
async fn jobs_that_nobody_takes_expire() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    let workspace = create_workspace(&sql).await;
    let account = dummy_account(&sql, workspace, "alice.test").await;
    let _: Uuid =
        sql.value("SELECT crier.create_post($1, 'text', ARRAY[$2::uuid])", &[&workspace, &account]).await;
    enqueue(&sql, "nobody", 3).await;
    enqueue(&sql, "paused", 1).await;
    sql.text("SELECT crier.pause_jobs(kind => 'paused')").await;
    assert_eq!(did(&sql, "expire_pending_jobs(p_max_ms => 60000)").await, json!({"expired": 0}));
    backdoor::pass_days(&sql, 2).await;
    enqueue(&sql, "nobody", 1).await;
    sql.run("UPDATE crier.maintenance_setting SET value = NULL WHERE name = 'expire_pending_after'").await;
    assert_eq!(
        did(&sql, "expire_pending_jobs(p_max_ms => 60000)").await,
        json!({"expired": 0}),
        "null is off"
    );
    set(&sql, "expire_pending_after", "1 day").await;
    // batches of one
    assert_eq!(did(&sql, "expire_pending_jobs(1, p_max_ms => 60000)").await, json!({"expired": 3}));
    assert_eq!(states(&sql).await, "pending failed failed failed pending pending");
    let dead = sql.text("SELECT DISTINCT kind, error ->> 'class' FROM crier.dead_jobs()").await;
    assert_eq!(dead, "nobody|expired");
    sql.text("SELECT crier.resume_jobs(kind => 'paused')").await;
    assert_eq!(did(&sql, "expire_pending_jobs(p_max_ms => 60000)").await, json!({"expired": 1}));

    sql.text("SELECT crier.enqueue('late', expires_at => now() + interval '1 hour')").await;
    sql.text("SELECT crier.enqueue('late')").await;
    backdoor::expire(&sql).await;
    assert_eq!(did(&sql, "expire_pending_jobs(p_max_ms => 60000)").await, json!({"expired": 1}));
    assert_eq!(
        sql.text("SELECT string_agg(state, ' ' ORDER BY id) FROM crier.jobs WHERE kind = 'late'").await,
        "failed pending"
    );
}
