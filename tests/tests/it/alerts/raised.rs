//! What is an alert, and how often it is told.

use std::collections::BTreeMap;

use crier_tests::cluster::Database;
use crier_tests::stage::{create_workspace, dummy_account, dummy_sealed};
use serde_json::json;
use uuid::Uuid;

use super::Alarm;

/// An endpoint without a sidecar that could open its secret; its id.
pub(super) async fn endpoint(alarm: &Alarm, workspace: Option<Uuid>, kinds: Option<&[&str]>) -> Uuid {
    let sql = "SELECT crier.add_alert_endpoint($1, 'https://alerts.example/', $2, $3, $4)";
    let id = Uuid::new_v4();
    alarm.sql.rows(sql, &[&id, &dummy_sealed(), &workspace, &kinds]).await;
    id
}

impl Alarm {
    /// Types of the alerts that wait for an endpoint, oldest first.
    pub(super) async fn told(&self, endpoint: Uuid) -> String {
        let told = "SELECT coalesce(string_agg(params ->> 'type', ' ' ORDER BY id), '') FROM crier.jobs \
                    WHERE kind = 'deliver_alert' AND params ->> 'endpoint_id' = $1::uuid::text";
        self.sql.value(told, &[&endpoint]).await
    }

    /// Has a refresh of the account fail.
    pub(super) async fn fail_refresh(&self, class: &str) {
        let generation = "SELECT generation FROM crier.get_credential($1)";
        let generation: i64 = self.sql.value(generation, &[&self.account]).await;
        let token: i64 =
            self.sql.value("SELECT crier.begin_refresh($1, $2)", &[&self.account, &generation]).await;
        let fail = "SELECT crier.fail_refresh($1, $2, $3, $4, '{\"message\": \"no\"}')";
        self.sql.rows(fail, &[&self.account, &generation, &token, &class]).await;
    }

    /// Connects the account again.
    pub(super) async fn reconnect(&self) {
        let stored =
            "SELECT crier.store_credential($1, (SELECT generation + 1 FROM crier.get_credential($1)), $2)";
        assert!(self.sql.value::<bool>(stored, &[&self.account, &dummy_sealed()]).await);
    }
}

#[tokio::test]
async fn each_endpoint_hears_what_it_wants_of_whom_it_may() {
    let alarm = Alarm::new().await;
    let elsewhere = create_workspace(&alarm.sql).await;
    let (own, theirs, operator) = (
        endpoint(&alarm, Some(alarm.workspace), None).await,
        endpoint(&alarm, Some(elsewhere), None).await,
        endpoint(&alarm, None, None).await,
    );
    let picky = endpoint(&alarm, Some(alarm.workspace), Some(&["post.unconfirmed"])).await;
    alarm.lose_post("content_invalid").await;
    assert_eq!(alarm.told(own).await, "post.failed");
    assert_eq!(alarm.told(operator).await, "post.failed");
    assert_eq!((alarm.told(theirs).await, alarm.told(picky).await), (String::new(), String::new()));
    // an alert is no reason for another one
    let unrelated = "SELECT crier.enqueue('unrelated'); \
                     SELECT crier.fail_jobs(ARRAY[job_id], ARRAY[token], '{config}', ARRAY['{}'::jsonb]) \
                     FROM crier.claim_jobs('w', 10, kinds => '{unrelated,deliver_alert}')";
    alarm.sql.run(unrelated).await;
    assert_eq!(alarm.jobs().await, "post.failed|failed\npost.failed|failed");
    alarm.sql.run(&format!("SELECT crier.remove_alert_endpoint('{operator}')")).await;
    alarm.lose_post("policy_blocked").await;
    assert_eq!(alarm.told(own).await, "post.failed post.failed");
    assert_eq!(alarm.told(operator).await, "post.failed");
}

#[tokio::test]
async fn an_outcome_nobody_knows_is_told() {
    let alarm = Alarm::new().await;
    let own = endpoint(&alarm, Some(alarm.workspace), None).await;
    let sql = "SELECT crier.create_post($1, 'x', ARRAY[$2::uuid])";
    alarm.sql.rows(sql, &[&alarm.workspace, &alarm.account]).await;
    let sent = "SELECT crier.start_target(job_id, token), crier.record_intent(job_id, token, 'k', 'r') \
                FROM crier.claim_jobs('w', kinds => '{publish_post}')";
    alarm.sql.text(sent).await;
    // its leases run out until the looks are used up
    for _ in 0..20 {
        crier_tests::backdoor::lapse_leases(&alarm.sql).await;
        alarm.sql.text("SELECT * FROM crier.claim_jobs('w', kinds => '{publish_post}')").await;
        crier_tests::backdoor::make_retries_due(&alarm.sql).await;
    }
    assert_eq!(alarm.sql.text("SELECT state FROM crier.post_target").await, "unconfirmed");
    assert_eq!(alarm.told(own).await, "post.unconfirmed");
}

#[tokio::test]
async fn an_action_that_was_not_done_and_a_message_that_nobody_knows_of_are_told() {
    let alarm = Alarm::new().await;
    let own = endpoint(&alarm, Some(alarm.workspace), Some(&["action.failed", "action.unconfirmed"])).await;
    alarm.sql.run("UPDATE crier.social_account SET platform = 'x'").await;
    let message = async |outcome: &str| {
        let act = format!("SELECT crier.act('{}', 'send_dm', '7', 'hello')", alarm.account);
        let id = alarm.sql.text(&act).await;
        let report = format!(
            "SELECT crier.start_action(job_id, token), crier.record_sending(job_id, token), \
                    crier.report_action(job_id, token, '{outcome}', '{{\"message\": \"no\"}}') \
             FROM crier.claim_jobs('w', kinds => '{{send_dm}}')"
        );
        alarm.sql.text(&report).await;
        id
    };
    message("content_invalid").await;
    assert_eq!(alarm.told(own).await, "action.failed");
    let unclear = message("outcome_unknown").await;
    assert_eq!(alarm.told(own).await, "action.failed action.unconfirmed");
    let data = "SELECT (params -> 'data') - 'job_id' FROM crier.jobs \
                WHERE kind = 'deliver_alert' AND params ->> 'type' = 'action.unconfirmed'";
    let data: serde_json::Value = alarm.sql.text(data).await.parse().expect("an object");
    let expected = json!({
        "workspace_id": alarm.workspace, "action_id": unclear, "action": "send_dm", "account_id": alarm.account,
        "platform": "x", "handle": "alice.test", "subject": "7", "state": "unconfirmed",
        "error": { "class": "outcome_unknown", "message": "no" },
    });
    assert_eq!(data, expected);
    message("done").await;
    assert_eq!(
        alarm.told(own).await,
        "action.failed action.unconfirmed",
        "expected nothing of what was done"
    );
}

#[tokio::test]
async fn a_new_login_is_asked_for_once_until_there_was_one() {
    let alarm = Alarm::new().await;
    let own = endpoint(&alarm, Some(alarm.workspace), None).await;
    alarm.fail_refresh("auth_revoked").await;
    assert_eq!(alarm.told(own).await, "account.reauth_required");
    // its posts wait, and look again every day
    let park = async |alarm: &Alarm| {
        let fail = "SELECT crier.report_targets(array_agg(job_id), array_agg(token), array_agg('auth_revoked'::text), \
                    array_agg('{}'::jsonb)) FROM crier.claim_jobs('w', 10, kinds => '{publish_post}')";
        crier_tests::backdoor::make_retries_due(&alarm.sql).await;
        alarm.sql.text(fail).await
    };
    alarm.reconnect().await;
    let sql = "SELECT crier.create_post($1, 'x', ARRAY[$2::uuid])";
    alarm.sql.rows(sql, &[&alarm.workspace, &alarm.account]).await;
    // the platform says so to a post: there was no refresh
    for _ in 0..3 {
        assert!(park(&alarm).await.contains("queued"));
        assert_eq!(alarm.told(own).await, "account.reauth_required account.reauth_required");
    }
    alarm.fail_refresh("auth_revoked").await;
    assert_eq!(alarm.told(own).await, "account.reauth_required account.reauth_required");
    alarm.reconnect().await;
    alarm.fail_refresh("auth_revoked").await;
    assert_eq!(alarm.told(own).await, ["account.reauth_required"; 3].join(" "));
    let handle = "SELECT DISTINCT params #>> '{data,handle}' FROM crier.jobs WHERE kind = 'deliver_alert'";
    assert_eq!(alarm.sql.text(handle).await, "alice.test");
}

#[tokio::test]
async fn a_refresh_that_fails_is_told_once_until_one_succeeds() {
    let alarm = Alarm::new().await;
    let own = endpoint(&alarm, Some(alarm.workspace), Some(&["credential.refresh_failed"])).await;
    for _ in 0..3 {
        alarm.fail_refresh("transient").await;
        assert_eq!(alarm.told(own).await, "credential.refresh_failed");
    }
    let error = "SELECT params #>> '{data,error}' FROM crier.jobs WHERE kind = 'deliver_alert'";
    assert_eq!(alarm.sql.text(error).await, r#"{"class": "transient", "message": "no"}"#);
    alarm.reconnect().await;
    alarm.fail_refresh("config").await;
    assert_eq!(alarm.told(own).await, "credential.refresh_failed credential.refresh_failed");
}

#[tokio::test]
async fn what_is_rolled_back_is_not_told() {
    let alarm = Alarm::new().await;
    let own = endpoint(&alarm, Some(alarm.workspace), None).await;
    alarm.sql.run("BEGIN").await;
    alarm.lose_post_within("content_invalid").await;
    alarm.fail_refresh("auth_revoked").await;
    assert_eq!(alarm.told(own).await, "post.failed account.reauth_required");
    alarm.sql.run("ROLLBACK").await;
    assert_eq!(alarm.told(own).await, "");
    alarm.fail_refresh("auth_revoked").await;
    assert_eq!(alarm.told(own).await, "account.reauth_required", "expected the first telling to be undone");
}

#[tokio::test]
async fn two_sessions_that_learn_of_it_tell_it_once() {
    let alarm = Alarm::new().await;
    let own = endpoint(&alarm, Some(alarm.workspace), None).await;
    let posts = "SELECT crier.create_post($1, 'x', ARRAY[$2::uuid]) FROM generate_series(1, 6)";
    alarm.sql.rows(posts, &[&alarm.workspace, &alarm.account]).await;
    let report = "SELECT crier.report_targets(ARRAY[job_id], ARRAY[token], '{auth_revoked}', ARRAY['{}'::jsonb]) \
                  FROM crier.claim_jobs('w', kinds => '{publish_post}')";
    let reports = (0..6).map(async |_| {
        let session = alarm.database.connect().await;
        session.text(report).await
    });
    let reported = futures_util::future::join_all(reports).await;
    assert!(reported.iter().all(|report| report.contains("queued")), "{reported:?}");
    assert_eq!(alarm.told(own).await, "account.reauth_required");
}

#[tokio::test]
async fn thresholds_are_told_when_they_begin_and_when_they_end() {
    let alarm = Alarm::on(Database::private().await).await;
    let check = async || alarm.sql.text("SELECT crier.check_alerts() - 'attention'").await;
    let only = "UPDATE crier.alert_threshold SET enabled = name = 'pending_jobs', threshold = 2";
    alarm.sql.run(only).await;
    alarm.sql.run("SELECT crier.enqueue('a') FROM generate_series(1, 3)").await;
    let nothing = r#"{"begun": [], "ended": []}"#;
    assert_eq!(check().await, nothing, "expected nobody to listen");
    let tenants = endpoint(&alarm, Some(alarm.workspace), None).await;
    let operator = endpoint(&alarm, None, None).await;
    assert_eq!(check().await, r#"{"begun": ["pending_jobs"], "ended": []}"#);
    for _ in 0..3 {
        assert_eq!(check().await, nothing);
    }
    assert_eq!(alarm.told(operator).await, "threshold.begun");
    let said = "SELECT params #>> '{data,name}', params #>> '{data,value}', params #>> '{data,threshold}' FROM crier.jobs \
                WHERE kind = 'deliver_alert'";
    assert_eq!(alarm.sql.text(said).await, "pending_jobs|3|2");
    alarm.sql.run("SELECT crier.cancel_jobs(ARRAY(SELECT id FROM crier.jobs WHERE kind = 'a'))").await;
    assert_eq!(check().await, r#"{"begun": [], "ended": ["pending_jobs"]}"#);
    assert_eq!(check().await, nothing);
    alarm.sql.run("SELECT crier.enqueue('a') FROM generate_series(1, 3)").await;
    assert_eq!(check().await, r#"{"begun": ["pending_jobs"], "ended": []}"#);
    // switched off is over
    alarm.sql.run("UPDATE crier.alert_threshold SET enabled = false").await;
    assert_eq!(check().await, r#"{"begun": [], "ended": ["pending_jobs"]}"#);
    let all = "threshold.begun threshold.ended threshold.begun threshold.ended";
    assert_eq!((alarm.told(operator).await.as_str(), alarm.told(tenants).await.as_str()), (all, ""));
    // the maintenance does it, and says what somebody should know
    alarm.sql.run(only).await;
    let did = "SELECT did ->> 'attention', error FROM crier.run_maintenance(p_tasks => '{check_alerts}')";
    assert_eq!(alarm.sql.text(did).await, r#"["pending_jobs is 3, above 2"]|∅"#);
    let busy = alarm.database.connect().await;
    busy.run("BEGIN; SELECT crier.check_alerts()").await;
    assert_eq!(check().await, r#"{"busy": true}"#);
}

#[tokio::test]
async fn deliveries_of_alerts_are_no_reason_for_more() {
    let alarm = Alarm::on(Database::private().await).await;
    alarm.sql.run("UPDATE crier.alert_threshold SET enabled = true, threshold = 0").await;
    endpoint(&alarm, Some(alarm.workspace), None).await;
    for _ in 0..3 {
        alarm.lose_post("content_invalid").await;
    }
    // one fails for good and one is delivered after a while
    let end = "SELECT crier.fail_jobs(ARRAY[job_id], ARRAY[token], '{config}', ARRAY['{}'::jsonb]) \
               FROM crier.claim_jobs('w', kinds => '{deliver_alert}')";
    assert!(alarm.sql.text(end).await.contains("failed"));
    let complete = "SELECT crier.complete_jobs(ARRAY[job_id], ARRAY[token]) FROM crier.claim_jobs('w', kinds => '{deliver_alert}')";
    alarm.sql.text(complete).await;
    let values = async || {
        let sql = "SELECT name, value > 0 FROM crier.alerts(true) WHERE name IN ('pending_jobs', 'oldest_due_seconds', \
                   'average_processing_seconds', 'failure_rate', 'waiting_p95_seconds')";
        alarm.sql.text(sql).await
    };
    // what failed for good are the posts
    let none = "average_processing_seconds|t\nfailure_rate|t\noldest_due_seconds|f\npending_jobs|f\nwaiting_p95_seconds|t";
    assert_eq!(values().await, none);
    alarm
        .sql
        .run("SELECT crier.purge_jobs(ARRAY(SELECT job_id FROM crier.dead_jobs(kinds => '{deliver_alert}')))")
        .await;
    let rate = "SELECT value FROM crier.alerts(true) WHERE name = 'failure_rate'";
    assert_eq!(
        alarm.sql.text(rate).await,
        "1",
        "expected the delivered one to be none of the completed jobs"
    );
    // the control: other jobs count
    alarm.sql.run("SELECT crier.enqueue('a', run_at => now() - interval '1 minute')").await;
    assert!(values().await.contains("oldest_due_seconds|t\npending_jobs|t"), "{}", values().await);
}

#[tokio::test]
async fn an_endpoint_that_takes_nothing_has_a_thousand_waiting_at_most() {
    let alarm = Alarm::new().await;
    let (full, other) = (
        endpoint(&alarm, Some(alarm.workspace), None).await,
        endpoint(&alarm, Some(alarm.workspace), None).await,
    );
    let fill = "SELECT crier.enqueue('deliver_alert', workspace_id => $1, dedupe_key => $2::uuid || ':x:' || n) \
                FROM generate_series(1, 999) n";
    alarm.sql.rows(fill, &[&alarm.workspace, &full]).await;
    alarm.lose_post("content_invalid").await;
    alarm.lose_post("content_invalid").await;
    assert_eq!(alarm.told(full).await, "post.failed");
    assert_eq!(alarm.told(other).await, "post.failed post.failed");
    assert_eq!(alarm.listed(full, "waiting").await, "1000");
}

#[tokio::test]
async fn alerts_of_many_accounts_at_once_reach_each_workspace() {
    let alarm = Alarm::new().await;
    let mut endpoints = BTreeMap::new();
    for n in 0..5 {
        let workspace = create_workspace(&alarm.sql).await;
        let account = dummy_account(&alarm.sql, workspace, &format!("many{n}.test")).await;
        endpoints.insert(account, endpoint(&alarm, Some(workspace), None).await);
        let sql = "SELECT crier.create_post($1, 'x', ARRAY[$2::uuid])";
        alarm.sql.rows(sql, &[&workspace, &account]).await;
    }
    let report = "SELECT crier.report_targets(array_agg(job_id), array_agg(token), array_agg('content_invalid'::text), \
                  array_agg('{}'::jsonb)) FROM crier.claim_jobs('w', 100, kinds => '{publish_post}')";
    alarm.sql.text(report).await;
    for (account, endpoint) in endpoints {
        let told = "SELECT count(*), min(params #>> '{data,account_id}') FROM crier.jobs \
                    WHERE kind = 'deliver_alert' AND params ->> 'endpoint_id' = $1::uuid::text";
        let row = alarm.sql.row(told, &[&endpoint]).await;
        assert_eq!((row.get::<_, i64>(0), row.get::<_, String>(1)), (1, account.to_string()));
    }
}
