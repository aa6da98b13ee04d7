//! Posts before their time: drafts, changes of plan, approval, and what is due.

mod approval;
mod calendar;
mod changes;
mod due;
mod races;
mod slots;
mod validation;

use crier_tests::cluster::Database;
use crier_tests::session::Session;
use crier_tests::stage::{create_workspace, dummy_account};
use serde_json::Value;
use uuid::Uuid;

/// A workspace with two accounts nobody answers for.
struct Desk {
    database: Database,
    sql: Session,
    workspace: Uuid,
    alice: Uuid,
    bob: Uuid,
}

impl Desk {
    async fn new() -> Self {
        Self::on(Database::shared().await).await
    }

    async fn on(database: Database) -> Self {
        let sql = database.connect().await;
        // nothing here is about the pace of an account
        sql.run(
            "UPDATE crier.platform_policy SET account_gap = NULL, account_concurrency = NULL, breaker_failures = NULL; \
             DELETE FROM crier.platform_limit",
        )
        .await;
        let workspace = create_workspace(&sql).await;
        let alice = dummy_account(&sql, workspace, "alice.test").await;
        let bob = dummy_account(&sql, workspace, "bob.test").await;
        Self { database, sql, workspace, alice, bob }
    }

    /// A post for both accounts; `more` stands behind the third argument.
    async fn post(&self, more: &str) -> Uuid {
        let sql = format!("SELECT crier.create_post($1, 'a text', ARRAY[$2::uuid, $3]{more})");
        self.sql.value(&sql, &[&self.workspace, &self.alice, &self.bob]).await
    }

    async fn get(&self, post: Uuid) -> Value {
        self.sql.value("SELECT crier.get_post($1)", &[&post]).await
    }

    async fn state(&self, post: Uuid) -> String {
        self.get(post).await["state"].as_str().unwrap_or_default().to_owned()
    }

    /// The states of its targets, those of alice first, and whether each has a job that is not finished.
    async fn targets(&self, post: Uuid) -> String {
        let sql = "SELECT a.handle, t.part, t.state, EXISTS (SELECT FROM crier.jobs j WHERE j.id = t.job_id AND j.finished_at IS NULL) \
                   FROM crier.post_target t JOIN crier.social_account a ON a.id = t.account_id WHERE t.post_id = '{}' \
                   ORDER BY a.handle, t.part";
        self.sql.text(&sql.replace("{}", &post.to_string())).await
    }

    /// Unfinished jobs, of whatever post.
    async fn jobs(&self) -> i64 {
        self.sql.value("SELECT count(*) FROM crier.jobs WHERE finished_at IS NULL", &[]).await
    }

    /// Puts a target of an account where a worker would.
    async fn put(&self, post: Uuid, account: Uuid, state: &str) {
        let sql = format!(
            "UPDATE crier.post_target SET state = '{state}', published_at = now(), external_id = id::text \
             WHERE post_id = '{post}' AND account_id = '{account}' AND part = 0"
        );
        self.sql.run(&sql).await;
    }
}
