//! Schedules: posts that come into being by themselves.

mod evergreen;
mod lifecycle;
mod previews;
mod replay;
mod trouble;

use crier_tests::cluster::Database;
use crier_tests::session::Session;
use crier_tests::stage::{create_workspace, dummy_account};
use serde_json::Value;
use uuid::Uuid;

/// A workspace with an account nobody answers for.
struct Office {
    database: Database,
    sql: Session,
    workspace: Uuid,
    account: Uuid,
}

impl Office {
    async fn new() -> Self {
        Self::on(Database::shared().await).await
    }

    async fn on(database: Database) -> Self {
        let sql = database.connect().await;
        let workspace = create_workspace(&sql).await;
        let account = dummy_account(&sql, workspace, "alice.test").await;
        Self { database, sql, workspace, account }
    }

    /// A template for the account with other fields before it.
    fn template(&self, fields: &str) -> String {
        format!(
            "{{{fields}{}\"accounts\": [\"{}\"]}}",
            if fields.is_empty() { "" } else { ", " },
            self.account
        )
    }

    /// A schedule; `more` stands behind the zone.
    async fn create(&self, kind: &str, rule: &str, starts: &str, more: &str) -> Uuid {
        let content = if kind == "evergreen" { "" } else { "\"content\": \"again\"" };
        let sql = format!(
            "SELECT crier.create_schedule('{}', '{kind}', '{}', {rule}, {starts}, 'Europe/Berlin'{more})",
            self.workspace,
            self.template(content)
        );
        self.sql.text(&sql).await.parse().expect("an id")
    }

    async fn get(&self, schedule: Uuid) -> Value {
        self.sql.value("SELECT crier.get_schedule($1)", &[&schedule]).await
    }

    /// Runs what is due at a time, until there is nothing more; how many occurrences were decided.
    async fn run(&self, at: &str) -> i64 {
        run(&self.sql, at, "1 hour", 1000).await
    }

    /// What became of its occurrences: how many are in each state.
    async fn states(&self, schedule: Uuid) -> String {
        let sql = "SELECT state, count(*) FROM crier.schedule_occurrence WHERE schedule_id = '{}' GROUP BY 1 ORDER BY 1";
        self.sql.text(&sql.replace("{}", &schedule.to_string())).await.replace('\n', " ")
    }

    /// Posts of a schedule: text and state.
    async fn posts(&self, schedule: Uuid) -> String {
        let sql = "SELECT content, state FROM crier.posts WHERE schedule_id = '{}' ORDER BY scheduled_at";
        self.sql.text(&sql.replace("{}", &schedule.to_string())).await
    }

    /// Events of a kind, newest last.
    async fn events(&self, kind: &str) -> Vec<Value> {
        let sql = "SELECT payload FROM crier.events WHERE kind = $1 AND workspace_id = $2 ORDER BY id";
        self.sql.column(sql, &[&kind, &self.workspace]).await
    }
}

/// Runs what is due at a time as SQL has it, until there is nothing more.
async fn run(sql: &Session, at: &str, ahead: &str, limit: i32) -> i64 {
    let run = format!(
        "SELECT occurrences, more FROM crier.run_due(p_limit => {limit}, p_ahead => '{ahead}', p_now => {at})"
    );
    let mut occurrences = 0;
    loop {
        let row = sql.row(&run, &[]).await;
        occurrences += row.get::<_, i64>(0);
        if !row.get::<_, bool>(1) {
            return occurrences;
        }
    }
}
