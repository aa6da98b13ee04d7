//! Every alert there is: its cause makes it begin, what mends that makes it end, and the operator's endpoint is told of both. What
//! takes an hour happened two hours ago.

use crier_tests::backdoor;
use crier_tests::cluster::Database;

use super::Alarm;
use super::raised::endpoint;

const CANCEL: &str = "SELECT crier.cancel_jobs(ARRAY(SELECT id FROM crier.jobs WHERE kind LIKE 'cause_%'))";
const COMPLETE: &str = "SELECT crier.complete_jobs(array_agg(job_id), array_agg(token)) FROM crier.claim_jobs('w', kinds => '{cause_a}')";
const FAIL: &str = "SELECT crier.fail_jobs(array_agg(job_id), array_agg(token), array_agg('config'::text), array_agg('{}'::jsonb)) \
                    FROM crier.claim_jobs('w', kinds => '{cause_a}')";
const ADD: &str = "SELECT crier.enqueue('cause_a')";
const JOBS_ENDED_LONG_AGO: &str =
    "UPDATE crier.job_outcome SET finished_at = finished_at - interval '2 hours'";
const ANSWERED_LONG_AGO: &str = "UPDATE crier.api_metric SET at = at - interval '2 hours'";

impl Alarm {
    async fn run_all(&self, statements: &[&str]) {
        for statement in statements {
            // one by one: the queue learns of each when it is committed
            self.sql.run(&statement.replace("ACCOUNT", &self.account.to_string())).await;
        }
    }

    async fn answers(&self, count: usize, status: u16, ms: u32) {
        let record = format!(
            "SELECT crier.record_api_metrics(jsonb_agg(jsonb_build_object('endpoint', '/x', 'status', {status}, 'ms', {ms}))) \
             FROM generate_series(1, {count})"
        );
        self.sql.run(&record).await;
    }

    /// Lets this be so.
    async fn cause(&self, alert: &str) {
        match alert {
            "pending_jobs" => {
                self.run_all(&["SELECT crier.enqueue('cause_a') FROM generate_series(1, 1001)"]).await
            }
            "memory_used" => {
                self.run_all(&["SELECT crier.enqueue('cause_a') FROM generate_series(1, 1601)"]).await
            }
            "oldest_due_seconds" => {
                self.run_all(&["SELECT crier.enqueue('cause_a', run_at => now() - interval '6 minutes')"])
                    .await
            }
            "average_processing_seconds" => {
                let slowly = "UPDATE crier.job_outcome SET token = token - 301000000";
                self.run_all(&[ADD, COMPLETE, slowly]).await;
            }
            "failure_rate" => self.run_all(&[ADD, FAIL]).await,
            "waiting_p95_seconds" => {
                let late = "UPDATE crier.job_outcome SET run_at = run_at - interval '3 seconds'";
                self.run_all(&[ADD, COMPLETE, late]).await;
            }
            "longest_running_minutes" => {
                self.run_all(&[ADD, "SELECT * FROM crier.claim_jobs('stuck', kinds => '{cause_a}')"]).await;
                backdoor::age_claim(&self.sql, 1).await;
                self.run_all(&["SELECT crier.reload_queue()"]).await;
            }
            "blocks" => {
                self.run_all(&["SELECT crier.block_account('ACCOUNT', now() + interval '1 hour')"]).await
            }
            "open_breakers" => {
                self.run_all(&["UPDATE crier.platform_policy SET breaker_failures = 3"]).await;
                let add = format!(
                    "SELECT crier.enqueue('like', account_id => 'ACCOUNT', workspace_id => '{}')",
                    self.workspace
                );
                let fail = "SELECT crier.fail_jobs(array_agg(job_id), array_agg(token), array_agg('transient'::text), \
                            array_agg('{}'::jsonb), array_agg(now() + interval '1 day')) \
                            FROM crier.claim_jobs('w', kinds => '{like}')";
                self.run_all(&[add.as_str(), fail, &add, fail, &add, fail]).await;
            }
            "reauth_required" => self.fail_refresh("auth_revoked").await,
            "expiring_logins" => {
                let ends =
                    "UPDATE crier.credential SET expires_at = now() + interval '1 hour', refresh_at = NULL";
                self.run_all(&[ends]).await;
            }
            "statistics_behind_seconds" => {
                self.run_all(&["UPDATE crier.stat_state SET closed_until = now() - interval '11 minutes'"])
                    .await;
            }
            "api_error_rate" => self.answers(1, 503, 1).await,
            "api_slow_seconds" => self.answers(1, 200, 2100).await,
            "rate_limit_violations" => self.answers(101, 429, 1).await,
            "posts_without_jobs" => {
                let post = format!(
                    "SELECT crier.create_post('{}', 'x', ARRAY['ACCOUNT'::uuid], scheduled_at => now() + interval '2 days')",
                    self.workspace
                );
                let due = "UPDATE crier.post_target SET due_at = now() - interval '61 seconds'";
                self.run_all(&[post.as_str(), due]).await;
            }
            other => panic!("nothing causes {other} here: every alert is caused and mended once"),
        }
    }

    /// Lets it be so no longer.
    async fn mend(&self, alert: &str) {
        match alert {
            "pending_jobs" | "memory_used" | "oldest_due_seconds" => self.run_all(&[CANCEL]).await,
            "average_processing_seconds" | "failure_rate" | "waiting_p95_seconds" => {
                self.run_all(&[JOBS_ENDED_LONG_AGO]).await;
            }
            "longest_running_minutes" => {
                let complete = "SELECT crier.complete_jobs(job_ids, ARRAY[token]) FROM crier.job_claim WHERE worker = 'stuck'";
                self.run_all(&[complete, JOBS_ENDED_LONG_AGO]).await;
            }
            "blocks" => self.run_all(&["SELECT crier.unblock_account('ACCOUNT')"]).await,
            "open_breakers" => {
                let unblock =
                    "SELECT crier.unblock_account('ACCOUNT'), crier.unblock_server('bluesky', 'pds.example')";
                self.run_all(&[unblock]).await;
            }
            "reauth_required" | "expiring_logins" => self.reconnect().await,
            "statistics_behind_seconds" => self.run_all(&["SELECT crier.roll_up_statistics()"]).await,
            "api_error_rate" | "api_slow_seconds" | "rate_limit_violations" => {
                self.run_all(&[ANSWERED_LONG_AGO]).await;
            }
            "posts_without_jobs" => self.run_all(&["SELECT * FROM crier.run_due()"]).await,
            other => panic!("nothing mends {other} here"),
        }
    }

    /// Whether a check says that an alert has begun or ended.
    async fn says(&self, which: &str, alert: &str) -> bool {
        self.sql.value(&format!("SELECT (crier.check_alerts() -> '{which}') ? $1"), &[&alert]).await
    }
}

#[tokio::test]
async fn every_alert_begins_with_its_cause_and_ends_with_it() {
    let alarm = Alarm::on(Database::private_with(&[("crier.queue_capacity", "2000")]).await).await;
    let operator = endpoint(&alarm, None, None).await;
    // the database may be a copy of one that was made some time ago
    alarm.run_all(&["UPDATE crier.stat_state SET closed_until = now()"]).await;
    // the one that is off from the start
    alarm.run_all(&["UPDATE crier.alert_threshold SET enabled = true"]).await;
    let names: Vec<String> = alarm.sql.column("SELECT name FROM crier.alert_threshold ORDER BY 1", &[]).await;
    assert!(names.len() > 10, "{names:?}");
    for name in &names {
        let is_on = format!("SELECT count(*) FROM crier.alerts() WHERE name = '{name}'");
        assert_eq!(alarm.sql.text(&is_on).await, "0", "{name} is on before there is a cause");
        alarm.cause(name).await;
        assert_eq!(alarm.sql.text(&is_on).await, "1", "{name} is not on");
        assert!(alarm.says("begun", name).await, "{name} is not told");
        alarm.mend(name).await;
        assert!(alarm.says("ended", name).await, "{name} is not over");
    }
    assert_eq!(alarm.sql.text("SELECT name, value FROM crier.alerts()").await, "");
    let told = "SELECT string_agg(params ->> 'type', ' ' ORDER BY id) FROM crier.jobs \
                WHERE kind = 'deliver_alert' AND params #>> '{data,name}' = $1 AND params ->> 'endpoint_id' = $2::uuid::text";
    for name in &names {
        let told: String = alarm.sql.value(told, &[&name, &operator]).await;
        // some causes are those of another one too
        let rest = told.replace("threshold.begun threshold.ended", "");
        assert!(!told.is_empty() && rest.trim().is_empty(), "{name}: {told}");
    }
}
