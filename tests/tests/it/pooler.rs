//! Behind a pooler that gives every transaction another connection (PgBouncer in transaction mode) everything works but
//! LISTEN, for which `crierd` has a connection of its own: statements without a name, leases and tokens that belong to no
//! session, a claim that waits.

use std::time::{Duration, Instant};

use crier_tests::cluster::{Database, SIDECAR_ROLE};
use crier_tests::pgbouncer::PgBouncer;
use crier_tests::session::Session;
use crier_tests::sim::Sim;
use crier_tests::stage::Stage;
use crier_tests::wait::{SOON, wait_for};
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

async fn connect(bouncer: &PgBouncer, database: &Database) -> Session {
    let url = bouncer.url("postgres", database.name());
    wait_for("pgbouncer to listen", SOON, async || Session::try_connect(&url).await).await
}

/// Runs a statement that has no name.
async fn rows(session: &Session, sql: &str, params: &[(&(dyn ToSql + Sync), Type)]) -> Vec<Row> {
    session.query_typed(sql, params).await.unwrap_or_else(|error| panic!("{error:?}\n{sql}"))
}

async fn backend(session: &Session) -> i32 {
    rows(session, "SELECT pg_backend_pid()", &[]).await[0].get(0)
}

#[tokio::test]
async fn a_worker_needs_no_connection_of_its_own() {
    let database = Database::shared().await;
    let bouncer = PgBouncer::start(database.server());
    let (worker, other) = (connect(&bouncer, &database).await, connect(&bouncer, &database).await);
    for kind in ["a", "b", "c"] {
        rows(&worker, "SELECT crier.enqueue($1)", &[(&kind, Type::TEXT)]).await;
    }
    let claim = "SELECT job_id, token FROM crier.claim_jobs('w', 2)";
    let claims = rows(&worker, claim, &[]).await;
    assert_eq!(claims.len(), 2);
    let before = backend(&worker).await;
    // somebody else takes the connection on which it was claimed, for a transaction
    other.run("BEGIN; SELECT 1").await;
    let (ids, tokens): (Vec<Uuid>, Vec<i64>) =
        claims.iter().map(|row| (row.get::<_, Uuid>(0), row.get::<_, i64>(1))).unzip();
    assert_eq!(backend(&other).await, before, "expected the pooler to have given it away");
    assert_ne!(backend(&worker).await, before);
    let extended = "SELECT job_id FROM crier.extend_jobs($1, $2, '1 minute')";
    let params: [(&(dyn ToSql + Sync), Type); 2] = [(&ids, Type::UUID_ARRAY), (&tokens, Type::INT8_ARRAY)];
    assert_eq!(rows(&worker, extended, &params).await.len(), 2);
    let exchanged = rows(&worker, "SELECT status FROM crier.exchange('w', 10, $1, $2)", &params).await;
    let statuses: Vec<&str> = exchanged.iter().map(|row| row.get(0)).collect();
    assert_eq!(statuses, ["completed", "completed", "running"]);
    other.run("COMMIT").await;
}

#[tokio::test]
async fn a_claim_that_waits_is_woken_and_gives_the_connection_back() {
    let database = Database::shared().await;
    let bouncer = PgBouncer::start(database.server());
    let (worker, app) = (connect(&bouncer, &database).await, connect(&bouncer, &database).await);
    let began = Instant::now();
    let none =
        rows(&worker, "SELECT job_id FROM crier.claim_jobs('w', wait => '50 milliseconds')", &[]).await;
    assert!(none.is_empty() && began.elapsed() >= Duration::from_millis(50));
    let claimed = wait_for("a job that comes while it is waited for", SOON, async || {
        let (claimed, ()) = tokio::join!(
            rows(&worker, "SELECT job_id FROM crier.claim_jobs('w', wait => '1 second')", &[]),
            async {
                rows(&app, "SELECT crier.enqueue('a')", &[]).await;
            }
        );
        if claimed.is_empty() { Err(()) } else { Ok(claimed) }
    })
    .await;
    assert_eq!(claimed.len(), 1);
}

#[tokio::test]
async fn the_sidecar_publishes_through_it() {
    let sim = Sim::start();
    let stage = Stage::on_simulator(&sim, Database::shared().await).await;
    let bouncer = PgBouncer::start(stage.database.server());
    connect(&bouncer, &stage.database).await;
    let pooled = bouncer.url(SIDECAR_ROLE, stage.database.name());
    let direct = stage.database.url(SIDECAR_ROLE);
    let _crierd = stage
        .deployment
        .start_with(&[("CRIER_DATABASE_URL", &pooled), ("CRIER_DATABASE_DIRECT_URL", &direct)])
        .await;
    let post = stage.post("through the pooler").await;
    stage.published(post).await;
    assert_eq!(sim.ledger().len(), 1);
}
