//! The programs under docs/examples run as they stand.

use std::path::Path;
use std::process::Command;

use crier_tests::cluster::Database;
use crier_tests::process::succeed;
use serde_json::{Value, json};
use uuid::Uuid;

/// A Python that has psycopg: the system's, for which `make test` installs it, or another.
fn python() -> &'static str {
    let has_psycopg = |python: &&&str| {
        let imported = Command::new(python).args(["-c", "import psycopg"]).output();
        imported.is_ok_and(|output| output.status.success())
    };
    ["/usr/bin/python3", "python3"]
        .iter()
        .find(has_psycopg)
        .expect("a Python with psycopg: scripts/prerequisites test")
}

#[tokio::test]
async fn the_python_worker_does_all_work_of_its_kinds() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    let jobs: Value = (0..50).map(|n| json!({"kind": "resize", "params": {"n": n}})).collect();
    let ids: Vec<Uuid> = sql.column("SELECT crier.enqueue_many($1)", &[&jobs]).await;
    let other: Uuid = sql.value("SELECT crier.enqueue('other')", &[]).await;
    let worker = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/worker.py");
    let mut command = Command::new(python());
    command.arg(worker).arg("resize").env("DATABASE_URL", database.url("crierd")).env("IDLE", "0");
    tokio::task::spawn_blocking(move || succeed(&mut command)).await.expect("the worker");
    let done = "SELECT state, count(*), bool_and(result = jsonb_build_object('kind', kind, 'got', params)), bool_and(worker LIKE 'python-%') \
                FROM crier.jobs WHERE id = ANY (ARRAY(SELECT id FROM crier.jobs WHERE kind = 'resize')) GROUP BY state";
    assert_eq!(sql.text(done).await, format!("completed|{}|t|t", ids.len()));
    assert_eq!(sql.value::<String>("SELECT state FROM crier.jobs WHERE id = $1", &[&other]).await, "pending");
}
