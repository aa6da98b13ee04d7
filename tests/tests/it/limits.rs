//! Limits, in SQL that knows only functions, views and the tables with rules: nothing is handed out beyond them, however
//! many ask at once, and what is held up holds up nobody else.

mod blocks;
mod breakers;
mod budgets;
mod pace;
mod rights;
mod windows;

use crier_tests::cluster::Database;
use crier_tests::session::Session;
use crier_tests::stage::{create_workspace, dummy_account};
use serde_json::{Value, json};
use uuid::Uuid;

/// A database with two accounts of one workspace, whose platform is limited by nothing but what a test sets.
struct Limited {
    database: Database,
    sql: Session,
    workspace: Uuid,
    account: Uuid,
    other: Uuid,
}

/// Jobs in a worker's hands: id, token and account.
type Claims = Vec<(Uuid, i64, Option<Uuid>)>;

impl Limited {
    async fn new(database: Database) -> Self {
        let sql = database.connect().await;
        let workspace = create_workspace(&sql).await;
        let account = dummy_account(&sql, workspace, "one.test").await;
        let other = dummy_account(&sql, workspace, "other.test").await;
        sql.run(
            "DELETE FROM crier.platform_limit;
             UPDATE crier.platform_policy SET account_concurrency = NULL, server_concurrency = NULL, account_gap = NULL, \
                                              server_gap = NULL",
        )
        .await;
        Self { database, sql, workspace, account, other }
    }

    async fn fresh() -> Self {
        Self::new(Database::shared().await).await
    }

    /// A limit of the platform.
    async fn limit(&self, action: &str, per: &str, max: i32) {
        let sql = format!(
            "INSERT INTO crier.platform_limit (platform, action, per, max) VALUES ('bluesky', '{action}', '{per}', {max})"
        );
        self.sql.run(&sql).await;
    }

    async fn policy(&self, set: &str) {
        self.sql.run(&format!("UPDATE crier.platform_policy SET {set} WHERE platform = 'bluesky'")).await;
    }

    /// Adds jobs for an account.
    async fn add(&self, account: Uuid, kind: &str, count: usize) -> Vec<Uuid> {
        let job = json!({"kind": kind, "workspace_id": self.workspace, "account_id": account});
        let jobs = Value::Array(vec![job; count]);
        self.sql.column("SELECT crier.enqueue_many($1)", &[&jobs]).await
    }

    async fn claim(&self, max: i32) -> Claims {
        claim(&self.sql, max).await
    }

    async fn complete(&self, claims: &Claims) {
        let (ids, tokens) = halves(claims);
        let done = self.sql.column::<Uuid>("SELECT crier.complete_jobs($1, $2)", &[&ids, &tokens]).await;
        assert_eq!(done.len(), claims.len());
    }

    /// Fails jobs with a class, at a time to come, with more fields of the error.
    async fn fail(&self, claims: &Claims, class: &str, retry_in: &str, error: &Value) {
        let (ids, tokens) = halves(claims);
        let sql = format!(
            "SELECT * FROM crier.fail_jobs($1::uuid[], $2, array_fill('{class}'::text, ARRAY[cardinality($1)]), \
             array_fill($3::jsonb, ARRAY[cardinality($1)]), \
             array_fill(clock_timestamp() + interval '{retry_in}', ARRAY[cardinality($1)]))"
        );
        assert_eq!(self.sql.rows(&sql, &[&ids, &tokens, error]).await.len(), claims.len());
    }

    async fn snooze(&self, claims: &Claims) {
        let (ids, tokens) = halves(claims);
        let sql = "SELECT * FROM crier.snooze_jobs($1::uuid[], $2, array_fill(now() + interval '1 day', ARRAY[cardinality($1)]))";
        assert_eq!(self.sql.rows(sql, &[&ids, &tokens]).await.len(), claims.len());
    }

    /// `allowed|used|max|remaining` of an account's action.
    async fn check(&self, account: Uuid, action: &str) -> String {
        let sql = format!(
            "SELECT allowed, used, max, remaining FROM crier.check_rate_limit('{account}', '{action}')"
        );
        self.sql.text(&sql).await
    }
}

async fn claim(sql: &Session, max: i32) -> Claims {
    let rows = sql
        .rows("SELECT job_id, token, account_id FROM crier.claim_jobs('w', $1, lease => '1 hour')", &[&max])
        .await;
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

fn halves(claims: &Claims) -> (Vec<Uuid>, Vec<i64>) {
    claims.iter().map(|(id, token, _)| (*id, *token)).unzip()
}
