//! What becomes of an action when its job ends in another way than by a report, and who may meddle with it.

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::session::Session;
use crier_tests::stage::{create_workspace, dummy_account, dummy_sealed};
use crier_tests::wait::{SOON, wait_for};
use serde_json::{Value, json};
use uuid::Uuid;

/// An account of a platform with messages, and no sidecar: the test is the worker.
async fn by_hand() -> (Database, Session, Uuid) {
    let database = Database::shared().await;
    let sql = database.connect().await;
    let workspace = create_workspace(&sql).await;
    let connect = "SELECT account_id, generation FROM crier.connect_account($1, 'x', '1001', 'alice', 'https://x.example')";
    let row = sql.row(connect, &[&workspace]).await;
    let (account, generation): (Uuid, i64) = (row.get(0), row.get(1));
    let stored = "SELECT crier.store_credential($1, $2, $3)";
    assert!(sql.value::<bool>(stored, &[&account, &generation, &dummy_sealed()]).await);
    sql.run("UPDATE crier.platform_policy SET account_gap = NULL; DELETE FROM crier.platform_limit").await;
    (database, sql, account)
}

/// A message that a worker is sending: its id, its job and the token.
async fn sending(sql: &Session, account: Uuid) -> (Uuid, Uuid, i64) {
    let id: Uuid = sql.value("SELECT crier.act($1, 'send_dm', '1002', 'psst')", &[&account]).await;
    let (job, token) = claim(sql).await;
    assert_eq!(
        sql.text(&format!("SELECT action_id FROM crier.start_action('{job}', {token})")).await,
        id.to_string()
    );
    assert_eq!(sql.text(&format!("SELECT crier.record_sending('{job}', {token})")).await, "t");
    (id, job, token)
}

/// What a lost lease held of its account is free once that is settled, which the first claim after it does.
async fn claim(sql: &Session) -> (Uuid, i64) {
    wait_for("a job to be handed out", SOON, async || {
        let rows = sql.rows("SELECT job_id, token FROM crier.claim_jobs('w')", &[]).await;
        rows.first().map(|row| (row.get(0), row.get(1))).ok_or(())
    })
    .await
}

async fn state(sql: &Session, id: Uuid) -> String {
    let action: Value = sql.value("SELECT crier.get_action($1)", &[&id]).await;
    format!(
        "{} {}",
        action["state"].as_str().unwrap_or_default(),
        action["error"]["class"].as_str().unwrap_or("-")
    )
}

#[tokio::test]
async fn whatever_ends_the_job_of_a_message_that_is_being_sent_leaves_it_unconfirmed() {
    let (_database, sql, account) = by_hand().await;
    for (end, expected) in [
        (
            "fail_jobs(ARRAY['JOB'::uuid], ARRAY[TOKEN], ARRAY['transient'], ARRAY['{}'::jsonb])",
            "unconfirmed transient",
        ),
        (
            "fail_jobs(ARRAY['JOB'::uuid], ARRAY[TOKEN], ARRAY['config'], ARRAY['{}'::jsonb])",
            "unconfirmed config",
        ),
        ("snooze_jobs(ARRAY['JOB'::uuid], ARRAY[TOKEN], ARRAY[now()])", "unconfirmed -"),
        ("expire_leases()", "unconfirmed lease_lost"),
        ("start_action('JOB', TOKEN)", "unconfirmed -"),
        (
            "report_action('JOB', TOKEN, 'outcome_unknown', '{\"message\": \"m\"}')",
            "unconfirmed outcome_unknown",
        ),
        ("report_action('JOB', TOKEN, 'content_invalid', '{\"message\": \"m\"}')", "failed content_invalid"),
        ("report_action('JOB', TOKEN, 'transient', '{\"message\": \"m\"}')", "waiting transient"),
        ("complete_jobs(ARRAY['JOB'::uuid], ARRAY[TOKEN])", "done -"),
        ("report_action('JOB', TOKEN, 'done', '{\"external_id\": \"7\"}')", "done -"),
    ] {
        let (id, job, token) = sending(&sql, account).await;
        let end = end.replace("JOB", &job.to_string()).replace("TOKEN", &format!("{token}::bigint"));
        sql.try_text(&format!("SELECT * FROM crier.{end}"))
            .await
            .unwrap_or_else(|refusal| panic!("{end}: {refusal}"));
        // a lost lease is settled by whoever claims next; what waits again is not sent by its own doing
        let next = sql.rows("SELECT job_id, token FROM crier.claim_jobs('w', platforms => '{x}')", &[]).await;
        for row in &next {
            let (job, token): (Uuid, i64) = (row.get(0), row.get(1));
            let begun = sql.text(&format!("SELECT count(*) FROM crier.start_action('{job}', {token})")).await;
            assert_eq!(begun, "0", "{end}: expected nothing to be begun again");
        }
        assert_eq!(state(&sql, id).await, expected, "{end}");
        sql.text("SELECT crier.cancel_jobs(ARRAY(SELECT id FROM crier.jobs WHERE state IN ('pending', 'retrying', 'running')))").await;
    }
}

#[tokio::test]
async fn a_lost_lease_before_anything_is_sent_starts_over() {
    let (_database, sql, account) = by_hand().await;
    let id: Uuid = sql.value("SELECT crier.act($1, 'send_dm', '1002', 'psst')", &[&account]).await;
    let (job, token) = claim(&sql).await;
    let start = |job: Uuid, token: i64| {
        format!("SELECT kind, subject, text, account_status FROM crier.start_action('{job}', {token})")
    };
    assert_eq!(sql.text(&start(job, token)).await, "send_dm|1002|psst|active");
    backdoor::lapse_leases(&sql).await;
    let (again, new) = claim(&sql).await;
    assert_eq!((again, state(&sql, id).await), (job, "waiting lease_lost".to_owned()));
    // the old worker is fenced off
    for late in [
        format!("SELECT count(*) FROM crier.start_action('{job}', {token})"),
        format!("SELECT crier.record_sending('{job}', {token})"),
        format!("SELECT crier.report_action('{job}', {token}, 'done')"),
    ] {
        assert!(["0", "f", "∅"].contains(&sql.text(&late).await.as_str()), "{late}");
    }
    sql.text(&start(job, new)).await;
    assert_eq!(
        sql.text(&format!(
            "SELECT crier.report_action('{job}', {new}, 'done', '{{\"external_id\": \"7\"}}')"
        ))
        .await,
        "done"
    );
    let action: Value = sql.value("SELECT crier.get_action($1)", &[&id]).await;
    assert_eq!(
        (&action["external_id"], &action["attempts"], &action["error"]),
        (&json!("7"), &json!(2), &Value::Null)
    );
}

#[tokio::test]
async fn an_intent_to_send_is_on_disk_even_where_commits_are_not() {
    let (_database, sql, account) = by_hand().await;
    sql.run("SET synchronous_commit = off").await;
    sql.text(&format!("SELECT crier.act('{account}', 'send_dm', '1002', 'psst')")).await;
    let (job, token) = claim(&sql).await;
    sql.text(&format!("SELECT count(*) FROM crier.start_action('{job}', {token})")).await;
    sql.run("BEGIN").await;
    sql.text(&format!("SELECT crier.record_sending('{job}', {token})")).await;
    assert_eq!(sql.text("SHOW synchronous_commit").await, "on");
    sql.run("ROLLBACK").await;
    assert_eq!(sql.text("SHOW synchronous_commit").await, "off");
}

#[tokio::test]
async fn a_job_without_an_action_fails() {
    let (_database, sql, account) = by_hand().await;
    let enqueue = "SELECT crier.enqueue('send_dm', workspace_id => a.workspace_id, account_id => a.id) FROM crier.accounts a WHERE id = $1";
    let id: Uuid = sql.value(enqueue, &[&account]).await;
    let (job, token) = claim(&sql).await;
    assert_eq!(sql.text(&format!("SELECT count(*) FROM crier.start_action('{job}', {token})")).await, "0");
    let ended = format!("SELECT state, error ->> 'class' FROM crier.jobs WHERE id = '{id}'");
    assert_eq!(sql.text(&ended).await, "failed|config");
}

#[tokio::test]
async fn a_user_has_ten_unfinished_ones_of_a_kind() {
    let (_database, sql, account) = by_hand().await;
    let user = Uuid::new_v4();
    let act = format!("SELECT crier.act('{account}', 'send_dm', '1002', 'psst', user_id => '{user}')");
    for _ in 0..10 {
        sql.text(&act).await;
    }
    let refusal = sql.refusal(&act).await;
    assert_eq!((refusal.code.as_str(), refusal.detail.as_str()), ("53400", "user_limit"), "{refusal}");
    sql.text("SELECT crier.cancel_jobs(ARRAY(SELECT id FROM crier.jobs LIMIT 1))").await;
    sql.text(&act).await;
}

#[tokio::test]
async fn old_actions_go_and_unfinished_ones_stay() {
    let (database, sql, account) = by_hand().await;
    let workspace = sql.text("SELECT id FROM crier.workspace").await;
    dummy_account(&sql, workspace.parse().expect("an id"), "other.test").await;
    for _ in 0..3 {
        let (_, job, token) = sending(&sql, account).await;
        sql.text(&format!("SELECT crier.report_action('{job}', {token}, 'done')")).await;
    }
    sql.text(&format!("SELECT crier.act('{account}', 'send_dm', '1002', 'later', now() + interval '1 day')"))
        .await;
    let clean = "SELECT crier.cleanup_old_actions(p_batch => 1, p_max_ms => 60000)";
    assert_eq!(sql.text(clean).await, r#"{"deleted": 0}"#);
    sql.run(
        "UPDATE crier.account_action SET created_at = now() - interval '400 days', \
             finished_at = finished_at - interval '400 days'",
    )
    .await;
    let other = database.connect().await;
    sql.run("BEGIN").await;
    assert_eq!(sql.text(clean).await, r#"{"deleted": 3}"#);
    assert_eq!(other.text(clean).await, r#"{"busy": true}"#);
    sql.run("COMMIT").await;
    assert_eq!(sql.text("SELECT state FROM crier.actions").await, "waiting");
    // failed jobs of actions are neither retried nor purged, and go after their time
    let (_, job, token) = sending(&sql, account).await;
    sql.text(&format!("SELECT crier.report_action('{job}', {token}, 'outcome_unknown', '{{}}')")).await;
    let meddle = format!("SELECT count(*) FROM crier.purge_jobs(ARRAY['{job}'::uuid])");
    assert_eq!(sql.text(&meddle).await, "0");
    assert_eq!(sql.text(&meddle.replace("purge", "retry")).await, "0");
    let ran = "SELECT task, error FROM crier.run_maintenance(p_tasks => '{cleanup_old_actions}')";
    assert_eq!(sql.text(ran).await, "cleanup_old_actions|∅");
}
