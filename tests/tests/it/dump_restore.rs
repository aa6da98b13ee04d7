//! A dump restored elsewhere is complete, without an error, and publishes nothing until somebody says so.

use crier_tests::cluster::{Database, Server};
use crier_tests::crierd::finish;
use crier_tests::session::Session;
use crier_tests::stage::{create_workspace, dummy_account};

/// Every table with a checksum of its rows.
pub(crate) async fn contents(session: &Session) -> Vec<(String, i64, String)> {
    let tables: Vec<String> = session
        .column(
            "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = 'crier' AND c.relkind = 'r' ORDER BY 1",
            &[],
        )
        .await;
    let mut contents = Vec::new();
    for table in tables {
        let sql = format!(
            "SELECT count(*), coalesce(md5(string_agg(t::text, E'\\n' ORDER BY t::text)), '') FROM crier.{table} t"
        );
        let row = session.row(&sql, &[]).await;
        contents.push((table, row.get(0), row.get(1)));
    }
    contents
}

async fn catalogue(session: &Session) -> String {
    session
        .text(
            "SELECT tablename, policyname, roles, cmd, qual FROM pg_policies WHERE schemaname = 'crier' \
             UNION ALL SELECT relname, relrowsecurity::text, ARRAY[relowner::regrole::text]::name[], relacl::text, '' \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE nspname = 'crier' AND relkind IN ('r', 'p', 'v') \
             UNION ALL SELECT proname, prosecdef::text, ARRAY[proowner::regrole::text]::name[], \
             (SELECT string_agg(a::text, ',' ORDER BY a::text) FROM unnest(proacl) a), '' \
             FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE nspname = 'crier' ORDER BY 1, 2, 3, 4",
        )
        .await
}

#[tokio::test]
async fn a_restored_database_is_complete_and_paused() {
    let origin = Database::shared().await;
    let session = origin.connect().await;
    let workspace = create_workspace(&session).await;
    let account = dummy_account(&session, workspace, "alice.test").await;
    for text in ["now", "later"] {
        session
            .rows("SELECT crier.create_post($1, $2, ARRAY[$3::uuid])", &[&workspace, &text, &account])
            .await;
    }
    session.run("SELECT crier.enqueue('k', '{\"a\": [1, \"é\\n\"]}')").await;
    session
        .run("SELECT crier.complete_jobs(array_agg(job_id), array_agg(token)) FROM crier.claim_jobs('w', kinds => ARRAY['k'])")
        .await;
    // what a customer adds must survive too
    session
        .run("CREATE POLICY auditors ON crier.post FOR SELECT TO crier_monitor USING (content <> '')")
        .await;
    let (rows, objects) = (contents(&session).await, catalogue(&session).await);
    let filled = rows.iter().filter(|(_, count, _)| *count > 0).count();
    assert!(filled >= 9, "expected rows in most tables: {rows:?}");

    let target = Server::bare();
    let postgres = target.connect("postgres").await;
    postgres.run("CREATE DATABASE restored").await;
    // roles are no part of a dump; the extension makes its own
    let dump = finish(&mut origin.server().client("pg_dump", origin.name()), "");
    assert!(dump.status.success() && dump.stderr.is_empty(), "pg_dump: {}", dump.stderr);
    let mut psql = target.client("psql", "restored");
    let restore = finish(psql.args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"]), &dump.stdout);
    assert!(
        restore.status.success() && restore.stderr.is_empty(),
        "psql: {} {}",
        restore.status,
        restore.stderr
    );

    let restored = target.connect("restored").await;
    assert_eq!(contents(&restored).await, rows);
    assert_eq!(catalogue(&restored).await, objects);
    assert_eq!(restored.text("SELECT name FROM crier.migrate() WHERE action = 'applied'").await, "");

    let status = restored.text("SELECT paused, reason IS NOT NULL FROM crier.status()").await;
    assert_eq!(status, "t|t", "expected the copy to be paused, with the reason");
    assert_eq!(restored.text("SELECT job_id FROM crier.claim_jobs('w', 100)").await, "");
    restored.run("SELECT crier.enqueue('k')").await;
    assert_eq!(restored.text("SELECT job_id FROM crier.claim_jobs('w', 100)").await, "", "nor new ones");
    restored.run("SELECT crier.adopt_database()").await;
    assert_eq!(restored.text("SELECT paused, reason FROM crier.status()").await, "f|∅");
    // one job of the account, and the one without an account
    assert_eq!(restored.text("SELECT count(*) FROM crier.claim_jobs('w', 100)").await, "2");
    assert_eq!(session.text("SELECT paused FROM crier.status()").await, "f", "the origin goes on");
}

#[tokio::test]
async fn a_copy_on_the_same_server_is_paused_too() {
    let origin = Database::private().await;
    origin.connect().await.run("SELECT crier.enqueue('k')").await;
    let admin = origin.server().connect("postgres").await;
    // sessions that are just ending would be in the way of the copy
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'crier'";
    admin.run(others).await;
    crier_tests::wait::wait_until("the sessions on the origin", "0".to_owned(), async || {
        admin.text("SELECT count(*) FROM pg_stat_activity WHERE datname = 'crier'").await
    })
    .await;
    admin.run("CREATE DATABASE clone TEMPLATE crier").await;
    let clone = origin.server().connect("clone").await;
    assert_eq!(clone.text("SELECT paused FROM crier.status()").await, "t");
    assert_eq!(clone.text("SELECT job_id FROM crier.claim_jobs('w')").await, "");
}
