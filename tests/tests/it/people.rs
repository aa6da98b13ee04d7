//! What people type: posts, the calendar, what happens now, tables and calendars in and out.

mod calendar;
mod docs;
mod files;
mod post;
mod status;

use crier_tests::cluster::{Database, SIDECAR_ROLE};
use crier_tests::crierd::{Deployment, Printed};
use crier_tests::session::Session;
use crier_tests::stage::{create_workspace, dummy_account};
use uuid::Uuid;

/// A person at a terminal, and a workspace with two accounts.
struct Desk {
    database: Database,
    deployment: Deployment,
    sql: Session,
    workspace: Uuid,
    alice: Uuid,
    bob: Uuid,
}

impl Desk {
    async fn new() -> Self {
        let database = Database::shared().await;
        // none of the commands needs a key
        let deployment = Deployment::uninitialized(&database.url(SIDECAR_ROLE));
        let sql = database.connect().await;
        let workspace = create_workspace(&sql).await;
        let alice = dummy_account(&sql, workspace, "alice.test").await;
        let bob = dummy_account(&sql, workspace, "bob.test").await;
        Self { database, deployment, sql, workspace, alice, bob }
    }

    /// Another workspace with an account of the same name.
    async fn another(&self) -> (Uuid, Uuid) {
        let workspace = create_workspace(&self.sql).await;
        (workspace, dummy_account(&self.sql, workspace, "alice.test").await)
    }

    fn try_run(&self, arguments: &[&str], input: &str) -> Printed {
        self.deployment.run(arguments, input)
    }

    /// What a command prints that succeeds.
    fn run(&self, arguments: &[&str], input: &str) -> String {
        let printed = self.try_run(arguments, input);
        assert!(printed.status.success(), "{arguments:?}: {printed:?}");
        printed.stdout
    }

    /// What a command says that fails and prints nothing else.
    fn refused(&self, arguments: &[&str], input: &str) -> String {
        let printed = self.try_run(arguments, input);
        assert_eq!(printed.status.code(), Some(1), "{arguments:?}: {printed:?}");
        assert_eq!(printed.stdout, "", "{arguments:?}: {printed:?}");
        printed.stderr
    }

    async fn posts(&self) -> i64 {
        self.sql.value("SELECT count(*) FROM crier.post", &[]).await
    }

    /// The post whose id is the first line.
    async fn made(&self, printed: &str) -> serde_json::Value {
        let id: Uuid = printed.lines().next().and_then(|id| id.parse().ok()).expect("an id");
        self.sql.value("SELECT crier.get_post($1)", &[&id]).await
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.deployment.dir().join(name), text).expect("a file");
    }
}
