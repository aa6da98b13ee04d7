//! A new version of the library is put in place while the server runs: everything goes on with the old one until the server
//! is restarted, and the queue is the same afterwards.

use crier_tests::cluster::Database;
use crier_tests::installation::Installation;
use crier_tests::session::Session;
use uuid::Uuid;

/// Whether the process of a session has the library loaded that is installed, not one that was replaced.
async fn has_installed_library(session: &Session) -> bool {
    let pid: i32 = session.value("SELECT pg_backend_pid()", &[]).await;
    let path = format!("/proc/{pid}/maps");
    let maps = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("can't read {path}: {error}"));
    let library = maps.lines().find(|line| line.contains("/crier.so")).expect("the library in the process");
    !library.ends_with("(deleted)")
}

async fn claim(session: &Session, max: i32) -> Vec<(Uuid, i64)> {
    let sql = "SELECT job_id, token FROM crier.claim_jobs('w', $1, lease => '1 hour')";
    session.rows(sql, &[&max]).await.iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn complete(session: &Session, (id, token): (Uuid, i64)) -> Vec<Uuid> {
    session.column("SELECT crier.complete_jobs(ARRAY[$1::uuid], ARRAY[$2::bigint])", &[&id, &token]).await
}

#[tokio::test]
async fn leases_and_waiting_jobs_outlive_a_new_library() {
    let installation = Installation::copy();
    let database = Database::private_in(&installation).await;
    let old = database.connect().await;
    let ids: Vec<Uuid> = old.column("SELECT crier.enqueue('k' || n) FROM generate_series(1, 5) n", &[]).await;
    let claimed = claim(&old, 3).await;
    assert!(has_installed_library(&old).await);

    installation.replace_library();
    assert!(!has_installed_library(&old).await, "expected the session to keep what it has loaded");
    assert_eq!(complete(&old, claimed[0]).await, [claimed[0].0]);
    // a new session gets the library from the server, which still has the old one
    let new = database.connect().await;
    assert!(!has_installed_library(&new).await);
    assert_eq!(complete(&new, claimed[1]).await, [claimed[1].0]);
    let late: Uuid = new.value("SELECT crier.enqueue('late')", &[]).await;

    database.server().stop("fast");
    database.server().start();
    let after = database.connect().await;
    let states = "SELECT string_agg(state, ' ' ORDER BY id) FROM crier.jobs";
    assert_eq!(after.text(states).await, "completed completed running pending pending pending");
    assert!(has_installed_library(&after).await);
    let waiting: Vec<Uuid> = claim(&after, 10).await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(waiting, [ids[3], ids[4], late], "expected the lease to hold");
    assert_eq!(complete(&after, claimed[2]).await, [claimed[2].0], "expected its token to be accepted");
    drop((old, new, after, database));
    drop(installation);
}
