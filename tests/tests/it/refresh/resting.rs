//! A server that rests, or fails, costs nobody else anything, and its own accounts no time.

use crier_tests::seal::Key;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::{PASSWORD, create_workspace, dummy_account};
use crier_tests::wait::{SOON, wait_for};
use uuid::Uuid;

use super::*;

const BLUESKY_REFRESH: &str = "com.atproto.server.refreshSession";
const DOWN: &str = "https://down.example";

/// Accounts of a server, with tokens that end, due this long ago.
async fn due(stage: &Stage, server: &str, count: i32, since: &str) {
    let key = Key::of_file(&stage.deployment.dir().join("crier.key"));
    let sql = "SELECT account_id FROM generate_series(1, $4) AS n, LATERAL crier.connect_account($1, 'bluesky', \
               'did:plc:' || $3 || n, $3 || n || '.test', $2) AS c";
    let name = format!("n{}", Uuid::new_v4().simple());
    let accounts: Vec<Uuid> = stage.sql.column(sql, &[&stage.workspace, &server, &name, &count]).await;
    stage.sql.run("BEGIN").await;
    for account in &accounts {
        let plain =
            json!({"access_jwt": "a-canary", "refresh_jwt": "r-canary", "server": server}).to_string();
        let sealed = key.seal(stage.workspace, *account, &plain);
        let stored: bool = stage
            .sql
            .value(
                "SELECT crier.store_credential($1, 1, $2, now() + interval '2 hours')",
                &[account, &sealed],
            )
            .await;
        assert!(stored);
    }
    let sql =
        "UPDATE crier.credential SET refresh_at = now() - $2::text::interval WHERE account_id = ANY ($1)";
    stage.sql.rows(sql, &[&accounts, &since]).await;
    stage.sql.run("COMMIT; ANALYZE crier.credential; ANALYZE crier.social_account").await;
}

#[tokio::test]
async fn accounts_on_a_server_that_rests_stand_in_nobodys_way_and_come_when_that_has_ended() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    let workspace = create_workspace(&sql).await;
    for n in 0..300 {
        dummy_account(&sql, workspace, &format!("a{n}.test")).await;
    }
    sql.run(&format!(
        "UPDATE crier.social_account SET base_url = '{DOWN}';
         UPDATE crier.credential SET refresh_at = now() - interval '1 hour'"
    ))
    .await;
    let other = dummy_account(&sql, workspace, "b.test").await;
    sql.rows("UPDATE crier.credential SET refresh_at = now() WHERE account_id = $1", &[&other]).await;
    let worker = database.connect_as(SIDECAR_ROLE).await;
    let ask = format!(
        "SELECT account_id FROM crier.refresh_expiring_tokens(2, 'bluesky', ARRAY['{DOWN}', 'https://x.example', '{DOWN}'],
             ARRAY[now() + interval '10 minutes', now(), now() + interval '5 minutes'])"
    );
    let given: Vec<Uuid> = worker.column(&ask, &[]).await;
    assert_eq!(given, [other], "expected the only one that can be renewed");
    let at_its_end = format!(
        "SELECT count(*) FROM crier.credential c JOIN crier.social_account a ON a.id = c.account_id
         WHERE a.base_url = '{DOWN}' AND c.refresh_at BETWEEN now() + interval '9 minutes' AND now() + interval '12 minutes'"
    );
    assert_eq!(sql.text(&at_its_end).await, "300");
    assert_eq!(worker.column::<Uuid>(&ask, &[]).await.len(), 0);
    // none is lost of what was looked at and not wanted
    sql.run("UPDATE crier.credential SET refresh_at = now() - interval '1 second'").await;
    let all = "SELECT account_id FROM crier.refresh_expiring_tokens(7)";
    let mut given = std::collections::BTreeSet::new();
    for round in 0..43 {
        for id in worker.column::<Uuid>(all, &[]).await {
            assert!(given.insert(id), "round {round} gave one twice");
        }
    }
    assert_eq!(given.len(), 301);
}

#[tokio::test]
async fn what_is_handed_back_is_due_again_unless_somebody_did_something_with_it() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    let workspace = create_workspace(&sql).await;
    let account = dummy_account(&sql, workspace, "a.test").await;
    let worker = database.connect_as(SIDECAR_ROLE).await;
    let ask = "SELECT count(*) FROM crier.refresh_expiring_tokens()";
    let held = "(SELECT refresh_at FROM crier.credential)";
    let back = async |generation: i64, held: &str, until: &str| {
        let call = format!(
            "SELECT crier.hand_back_refreshes(ARRAY['{account}'::uuid], ARRAY[{generation}], ARRAY[{held}], ARRAY[{until}])"
        );
        sql.text(&call).await
    };
    let make_due = "UPDATE crier.credential SET refresh_at = now() - interval '1 second'";
    sql.run(make_due).await;
    assert_eq!((worker.text(ask).await.as_str(), worker.text(ask).await.as_str()), ("1", "0"));
    assert_eq!(back(2, held, "now()").await, "0", "another generation");
    assert_eq!(back(1, &format!("{held} + interval '1 microsecond'"), "now()").await, "0", "given since");
    assert_eq!(back(1, held, "now()").await, "1");
    assert_eq!(worker.text(ask).await, "1");
    sql.run(&format!("SELECT crier.begin_refresh('{account}', 1)")).await;
    assert_eq!(back(1, held, "now()").await, "0", "being renewed");
}

#[tokio::test]
async fn a_server_that_is_down_holds_up_no_other_and_is_asked_a_few_times_only() {
    const MANY: i32 = 1_000;
    let (down, sim) = (Sim::start(), Sim::start());
    let stage = Stage::on_simulator(&sim, Database::private().await).await;
    let handle = "bob.test";
    sim.add_bluesky_account(handle, PASSWORD);
    down.plan(Rule::once("bluesky", BLUESKY_REFRESH, Fault::ServerError).times(100_000));
    due(&stage, &down.bluesky_url(), MANY, "1 hour").await;
    stage
        .sql
        .rows("UPDATE crier.credential SET refresh_at = now() WHERE account_id = $1", &[&stage.account])
        .await;
    let began: std::time::SystemTime = stage.sql.value("SELECT now()", &[]).await;
    let crierd = start(&stage).await;
    let healthy = "SELECT generation FROM crier.credential WHERE account_id = $1";
    wait_for("the account on the other server to be renewed", SOON, async || {
        match stage.sql.value::<i64>(healthy, &[&stage.account]).await {
            2 => Ok(()),
            other => Err(other),
        }
    })
    .await;
    let asked = down.calls(BLUESKY_REFRESH);
    assert!((3..=20).contains(&asked), "expected a server that is down to be left alone: {asked} calls");
    // the others wait for the end of the rest, and no longer: what was given and not begun is held by nobody
    let sql = "SELECT count(*) FILTER (WHERE refresh_at < now()) || ' due, ' || count(*) FILTER (WHERE refresh_at >= \
               $2::timestamptz + interval '5 minutes') || ' held' FROM crier.credential WHERE account_id <> $1 AND refresh_failures = 0";
    wait_until("the accounts on the server that rests", "0 due, 0 held".to_owned(), async || {
        stage.sql.value::<String>(sql, &[&stage.account, &began]).await
    })
    .await;
    drop(crierd);
}
