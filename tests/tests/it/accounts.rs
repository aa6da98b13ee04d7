//! Accounts that rest, accounts that are disconnected, and how long tokens live.

mod deleting;
mod pausing;
mod tokens;

use crier_tests::cluster::Database;
use crier_tests::session::Session;
use crier_tests::stage::{create_workspace, dummy_account, dummy_sealed};
use uuid::Uuid;

/// A workspace with two accounts nobody answers for.
struct Office {
    database: Database,
    sql: Session,
    workspace: Uuid,
    alice: Uuid,
    bob: Uuid,
}

impl Office {
    async fn new() -> Self {
        let database = Database::shared().await;
        let sql = database.connect().await;
        sql.run(
            "UPDATE crier.platform_policy SET account_gap = NULL, account_concurrency = NULL; DELETE FROM crier.platform_limit",
        )
        .await;
        let workspace = create_workspace(&sql).await;
        let alice = dummy_account(&sql, workspace, "alice.test").await;
        let bob = dummy_account(&sql, workspace, "bob.test").await;
        Self { database, sql, workspace, alice, bob }
    }

    /// A post for these accounts; `more` stands behind the third argument.
    async fn post(&self, accounts: &[Uuid], more: &str) -> Uuid {
        let sql = format!("SELECT crier.create_post($1, 'a text', $2{more})");
        self.sql.value(&sql, &[&self.workspace, &accounts]).await
    }

    /// The states of a post's targets with an account, by part.
    async fn states(&self, post: Uuid, account: Uuid) -> String {
        let sql = "SELECT string_agg(state, ' ' ORDER BY part) FROM crier.post_target WHERE post_id = $1 AND account_id = $2";
        let states: Option<String> = self.sql.value(sql, &[&post, &account]).await;
        states.unwrap_or_default()
    }

    /// Claims what is due; the accounts of it.
    async fn claim(&self) -> Vec<Uuid> {
        self.sql.column("SELECT account_id FROM crier.claim_jobs('w', 100)", &[]).await
    }

    async fn call(&self, function: &str, account: Uuid) -> String {
        self.sql.text(&format!("SELECT crier.{function}('{account}')")).await
    }
}
