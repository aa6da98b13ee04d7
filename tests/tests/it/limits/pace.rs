//! How many jobs at once, and how soon one follows another.

use crier_tests::cluster::Database;
use crier_tests::wait::wait_until;
use serde_json::json;
use uuid::Uuid;

use super::Limited;

#[tokio::test]
async fn an_account_has_one_job_at_a_time_and_the_next_follows_at_once() {
    let limited = Limited::fresh().await;
    limited.policy("account_concurrency = 1").await;
    limited.add(limited.account, "like", 3).await;
    limited.add(limited.account, "comment", 3).await;
    limited.add(limited.other, "like", 1).await;
    let claims = limited.claim(10).await;
    assert_eq!(claims.len(), 2, "expected one job of each account: {claims:?}");
    assert_eq!(limited.claim(10).await.len(), 0);
    // one that waits is woken by the answer
    let waiter = limited.database.connect().await;
    let waiting = tokio::spawn(async move {
        let sql = "SELECT job_id FROM crier.claim_jobs('w', 10, wait => '1 second')";
        let mut rounds = 0;
        loop {
            let ids: Vec<Uuid> = waiter.column(sql, &[]).await;
            rounds += 1;
            if !ids.is_empty() || rounds > 60 {
                return ids.len();
            }
        }
    });
    let mine: Vec<_> =
        claims.iter().filter(|(_, _, account)| *account == Some(limited.account)).copied().collect();
    // an answer that is rolled back lets nobody through
    limited.sql.run("BEGIN").await;
    limited.complete(&mine).await;
    limited.sql.run("ROLLBACK").await;
    assert_eq!(limited.claim(10).await.len(), 0);
    limited.complete(&mine).await;
    assert_eq!(waiting.await.expect("a waiter"), 1);
    assert_eq!(limited.claim(10).await.len(), 0);
}

#[tokio::test]
async fn a_server_has_so_many_jobs_at_a_time_and_urgent_ones_go_first() {
    let limited = Limited::fresh().await;
    limited.policy("server_concurrency = 2").await;
    let jobs: Vec<_> = (0..40)
        .map(|n| {
            let account = if n % 2 == 0 { limited.account } else { limited.other };
            let priority = i32::from(n == 33);
            json!({"kind": "like", "workspace_id": limited.workspace, "account_id": account, "priority": priority})
        })
        .collect();
    let ids: Vec<Uuid> =
        limited.sql.column("SELECT crier.enqueue_many($1)", &[&serde_json::Value::Array(jobs)]).await;
    let mut claims = limited.claim(10).await;
    assert_eq!(claims.len(), 2);
    assert_eq!(claims[0].0, ids[33], "expected the urgent one first");
    let mut done = claims.len();
    while done < 40 {
        let one = vec![claims.remove(0)];
        limited.complete(&one).await;
        let next = limited.claim(10).await;
        assert_eq!(next.len(), 1, "after {done}");
        done += 1;
        claims.extend(next);
    }
}

#[tokio::test]
async fn a_lost_lease_and_an_expired_worker_free_their_places() {
    let limited = Limited::fresh().await;
    limited.policy("account_concurrency = 1").await;
    limited.add(limited.account, "like", 2).await;
    assert_eq!(limited.claim(10).await.len(), 1);
    crier_tests::backdoor::lapse_leases(&limited.sql).await;
    // the claim that finds the lost lease gives its place free when it commits
    assert_eq!(limited.claim(10).await.len(), 0);
    assert_eq!(limited.claim(10).await.len(), 1);
    assert_eq!(limited.claim(10).await.len(), 0);
    limited.sql.text("SELECT crier.reload_queue()").await;
    assert_eq!(limited.claim(10).await.len(), 0, "expected the lease to count after a reload");
    let cancel =
        "SELECT count(*) FROM crier.cancel_jobs(ARRAY(SELECT id FROM crier.jobs WHERE state = 'running'))";
    assert_eq!(limited.sql.text(cancel).await, "1");
    assert_eq!(limited.claim(10).await.len(), 1);
}

#[tokio::test]
async fn jobs_of_an_account_keep_their_distance() {
    let limited = Limited::fresh().await;
    limited.policy("account_gap = '1 hour'").await;
    limited.add(limited.account, "like", 2).await;
    limited.add(limited.other, "like", 1).await;
    assert_eq!(limited.claim(10).await.len(), 2);
    assert_eq!(limited.claim(10).await.len(), 0);
    let next =
        "SELECT crier.next_run_at() BETWEEN now() + interval '55 minutes' AND now() + interval '61 minutes'";
    assert_eq!(limited.sql.text(next).await, "t");
    limited.policy("account_gap = '50 milliseconds'").await;
    let count = "SELECT count(*) FROM crier.claim_jobs('w', 10)";
    wait_until("the next job", "1".to_owned(), async || limited.sql.text(count).await).await;
}

#[tokio::test]
async fn a_user_has_so_many_jobs_of_a_kind_at_a_time() {
    let limited = Limited::fresh().await;
    limited.sql.run("INSERT INTO crier.job_kind (kind, owner_concurrency) VALUES ('analyse', 2)").await;
    let jobs = json!(
        (0..10)
            .map(|n| json!({"kind": "analyse", "user_id": Uuid::from_u128(n % 2 + 1)}))
            .collect::<Vec<_>>()
    );
    limited.sql.column::<Uuid>("SELECT crier.enqueue_many($1)", &[&jobs]).await;
    let claims = limited.claim(10).await;
    assert_eq!(claims.len(), 4, "expected two of each user");
    limited.complete(&claims[..1].to_vec()).await;
    assert_eq!(limited.claim(10).await.len(), 1);
    limited.sql.run("UPDATE crier.job_kind SET owner_concurrency = NULL WHERE kind = 'analyse'").await;
    assert_eq!(limited.claim(10).await.len(), 5);
}

#[tokio::test]
async fn the_defaults_are_those_that_are_documented() {
    let limited = Limited::fresh().await;
    let database = Database::shared().await;
    let sql = database.connect().await;
    let instagram = "SELECT string_agg(action || ' ' || max || ' per ' || per, ', ' ORDER BY action, per) \
                     FROM crier.platform_limit WHERE platform = 'instagram'";
    assert_eq!(
        sql.text(instagram).await,
        "comment 10 per 01:00:00, comment 30 per 1 day, dm 5 per 01:00:00, dm 20 per 1 day, follow 15 per 01:00:00, \
         follow 50 per 1 day, like 30 per 01:00:00, like 150 per 1 day, publish 10 per 01:00:00, publish 25 per 1 day"
    );
    let pace = "SELECT DISTINCT account_concurrency, account_gap FROM crier.platform_policy";
    assert_eq!(sql.text(pace).await, "1|00:00:01");
    assert_eq!(sql.text("SELECT count(*) FROM crier.platform_policy").await, "19");
    drop(limited);
}
