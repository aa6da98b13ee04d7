//! However many want a token renewed, it is renewed once.

use crier_tests::sim::fault::{Fault, Rule};
use futures_util::future::join_all;

use super::*;

/// Three sidecars with forty jobs each at a time, their loops, and an operator who asks all of them.
#[tokio::test]
async fn a_hundred_who_want_it_at_once_make_one_refresh() {
    const POSTS: usize = 100;
    let (sim, stage) = strict(Database::shared().await).await;
    stage.without_pace().await;
    stage
        .sql
        .run("UPDATE crier.platform_policy SET account_concurrency = NULL, server_concurrency = NULL, breaker_failures = NULL")
        .await;
    // every call is refused until the token is renewed, which takes a while
    sim.platform("x").expire(HANDLE);
    sim.plan(Rule::once("x", REFRESH, Fault::Delay).seconds(5.0));
    api::write_keys(&stage, API_KEY);
    let variables = [("CRIER_WORKER_CONCURRENCY", "40"), ("CRIER_API_KEY_FILE", "api.keys")];
    let mut sidecars = Vec::new();
    for _ in 0..3 {
        sidecars.push(start_with(&stage, &variables).await);
    }
    let posts = "SELECT count(crier.create_post($1, 'number ' || n, ARRAY[$2::uuid])) FROM generate_series(1, 100) AS n";
    let made: i64 = stage.sql.value(posts, &[&stage.workspace, &stage.account]).await;
    assert_eq!(made, POSTS as i64);
    backdoor::make_refreshes_due(&stage.sql).await;
    let asked = join_all((0..30).map(|n| api::ask(sidecars[n % 3].url(), "{}")));
    wait_until("a refresh to begin", 1, async || sim.calls(REFRESH)).await;
    for (status, summary) in asked.await {
        assert_eq!((status, &summary["failed"]), (200, &json!(0)), "{summary}");
    }
    let states = "SELECT state, count(*) FROM crier.post_target GROUP BY 1";
    wait_until("the states of the posts", format!("published|{POSTS}"), async || {
        backdoor::make_retries_due(&stage.sql).await;
        stage.sql.text(states).await
    })
    .await;
    let refused = sim.call_names().iter().filter(|call| *call == "tweets.create").count() - POSTS;
    assert!(refused > 10, "expected many jobs to have met the old token, {refused} did");
    assert_eq!((sim.calls(REFRESH), generation(&stage).await.as_str()), (1, "2"));
    assert_eq!(sim.ledger().len(), POSTS);
    assert_eq!(stage.sql.text("SELECT status FROM crier.accounts").await, "active");
}

#[tokio::test]
async fn two_who_ask_at_once_get_different_ones() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    let workspace = crier_tests::stage::create_workspace(&sql).await;
    for n in 0..40 {
        crier_tests::stage::dummy_account(&sql, workspace, &format!("a{n}.test")).await;
    }
    sql.run("UPDATE crier.credential SET refresh_at = now() - interval '1 minute'").await;
    let (one, other) = (database.connect_as(SIDECAR_ROLE).await, database.connect_as(SIDECAR_ROLE).await);
    let ask = "SELECT account_id::text FROM crier.refresh_expiring_tokens(15)";
    // the first has not committed yet
    one.run("BEGIN").await;
    let first: Vec<String> = one.column(ask, &[]).await;
    let second: Vec<String> = other.column(ask, &[]).await;
    one.run("COMMIT").await;
    let third: Vec<String> = other.column(ask, &[]).await;
    assert_eq!((first.len(), second.len(), third.len()), (15, 15, 10));
    let all: std::collections::BTreeSet<_> = first.iter().chain(&second).chain(&third).collect();
    assert_eq!(all.len(), 40, "expected nobody to be given twice");
    // who was given and did nothing comes again
    sql.run("UPDATE crier.credential SET refresh_at = refresh_at - interval '5 minutes'").await;
    assert_eq!(other.column::<String>(ask, &[]).await.len(), 15);
}
