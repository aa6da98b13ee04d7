//! What an account or a platform may cost, whatever the money goes for.

use crier_tests::cluster::Database;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Claims, Limited, claim, halves};

/// Prices of a platform that has none: a like of 10 or 30, a comment of 20.
const PRICES: &str = "INSERT INTO crier.platform_price (platform, action, charge, price) \
                      VALUES ('bluesky', 'like', 'small', 10), ('bluesky', 'like', 'large', 30), ('bluesky', 'comment', 'note', 20)";

impl Limited {
    async fn with_budget(self, scope: &str, max: i32) -> Self {
        self.sql.run(PRICES).await;
        let sql = format!(
            "INSERT INTO crier.platform_limit (platform, action, scope, per, max) VALUES ('bluesky', 'spend', '{scope}', '1 day', {max})"
        );
        self.sql.run(&sql).await;
        self
    }

    /// Completes jobs, each with this for a result.
    async fn complete_with(&self, claims: &Claims, result: &Value) {
        let (ids, tokens) = halves(claims);
        let sql = "SELECT crier.complete_jobs($1::uuid[], $2, array_fill($3::jsonb, ARRAY[cardinality($1)]))";
        assert_eq!(self.sql.column::<Uuid>(sql, &[&ids, &tokens, result]).await.len(), claims.len());
    }

    /// What was spent of the budget of an account.
    async fn spent(&self, account: Uuid) -> String {
        let sql =
            format!("SELECT used FROM crier.rate_limit_status('{account}') WHERE action = 'spend' LIMIT 1");
        self.sql.text(&sql).await
    }
}

fn charged(charge: &str) -> Value {
    json!({ "charges": { charge: 1 } })
}

#[tokio::test]
async fn many_workers_at_once_never_spend_more_than_there_is() {
    let limited = Limited::fresh().await.with_budget("platform", 300).await;
    limited.add(limited.account, "like", 60).await;
    limited.add(limited.other, "like", 60).await;
    let mut workers = Vec::new();
    for worker in 0..4_u32 {
        let session = limited.database.connect().await;
        workers.push(tokio::spawn(async move {
            let mut done = 0;
            for round in 0..30_u32 {
                let rolls_back = (worker + round) % 3 == 0;
                session.run("BEGIN").await;
                let claims = claim(&session, 2).await;
                session.run(if rolls_back { "ROLLBACK" } else { "COMMIT" }).await;
                if rolls_back {
                    continue;
                }
                let (ids, tokens) = halves(&claims);
                let sql = "SELECT crier.complete_jobs($1::uuid[], $2, array_fill($3::jsonb, ARRAY[cardinality($1)]))";
                session.column::<Uuid>(sql, &[&ids, &tokens, &charged("small")]).await;
                done += claims.len();
            }
            done
        }));
    }
    let mut done = 0;
    for worker in workers {
        done += worker.await.expect("a worker");
    }
    // 28 of 10 leave less than the 30 that one could cost
    assert_eq!(done, 28, "expected the budget to be used up, and no more");
    assert_eq!(limited.claim(10).await.len(), 0);
    assert_eq!(limited.spent(limited.account).await, "280");
}

#[tokio::test]
async fn what_was_charged_stands_in_the_place_of_what_was_taken() {
    let limited = Limited::fresh().await.with_budget("account", 1_000).await;
    let mut spent = 0;
    let with = |class: &str| json!({ "class": class, "charges": { "small": 2 } });
    for (class, error, costs) in [
        ("transient", json!({}), 0),
        ("outcome_unknown", json!({}), 30),
        ("content_invalid", with("content_invalid"), 20),
        ("outcome_unknown", with("outcome_unknown"), 20),
        // what has no price costs what it can cost at most
        ("content_invalid", charged("unheard of"), 30),
        ("content_invalid", json!({ "charges": "all of it" }), 0),
    ] {
        limited.add(limited.account, "like", 1).await;
        let claims = limited.claim(1).await;
        assert_eq!(limited.spent(limited.account).await, (spent + 30).to_string(), "in a worker's hands");
        limited.fail(&claims, class, "1 day", &error).await;
        spent += costs;
        assert_eq!(limited.spent(limited.account).await, spent.to_string(), "{class} {error}");
    }
    for (result, costs) in
        [(Value::Null, 30), (json!({}), 30), (charged("small"), 10), (charged("large"), 30)]
    {
        limited.add(limited.account, "like", 1).await;
        limited.complete_with(&limited.claim(1).await, &result).await;
        spent += costs;
        assert_eq!(limited.spent(limited.account).await, spent.to_string(), "{result}");
    }
    // an answer that is rolled back changes nothing
    limited.add(limited.account, "like", 1).await;
    let claims = limited.claim(1).await;
    limited.sql.run("BEGIN").await;
    limited.complete_with(&claims, &charged("small")).await;
    limited.sql.run("ROLLBACK").await;
    assert_eq!(limited.spent(limited.account).await, (spent + 30).to_string());
    // one that comes too late neither
    limited.complete_with(&claims, &charged("small")).await;
    assert_eq!(limited.spent(limited.account).await, (spent + 10).to_string());
    let (ids, tokens) = halves(&claims);
    let late = "SELECT crier.complete_jobs($1::uuid[], $2)";
    assert!(limited.sql.column::<Uuid>(late, &[&ids, &tokens]).await.is_empty());
    assert_eq!(limited.spent(limited.account).await, (spent + 10).to_string());
}

#[tokio::test]
async fn a_publish_that_is_looked_for_pays_for_each_try() {
    let limited = Limited::fresh().await.with_budget("account", 1_000).await;
    let price = "INSERT INTO crier.platform_price (platform, action, charge, price) VALUES ('bluesky', 'publish', 'post', 50), ('bluesky', 'publish', 'read', 1)";
    limited.sql.run(price).await;
    limited.add(limited.account, "publish_post", 1).await;
    let claims = limited.claim(1).await;
    limited.fail(&claims, "outcome_unknown", "-1 second", &charged("post")).await;
    let again = limited.claim(1).await;
    assert_eq!(again.len(), 1);
    limited.complete_with(&again, &charged("read")).await;
    assert_eq!(limited.spent(limited.account).await, "51");
}

#[tokio::test]
async fn all_that_an_account_does_is_paid_from_one_budget() {
    let limited = Limited::fresh().await.with_budget("platform", 1_000).await;
    let set =
        |max: &str| format!("SELECT crier.set_rate_limit('{}', 'spend', '1 day', {max})", limited.account);
    limited.sql.run(&set("70")).await;
    limited.limit("like", "1 hour", 100).await;
    limited.add(limited.account, "like", 1).await;
    limited.add(limited.account, "comment", 5).await;
    limited.add(limited.account, "report", 2).await;
    limited.add(limited.other, "comment", 1).await;
    let claims = limited.claim(20).await;
    let of = |account| claims.iter().filter(|(_, _, of)| *of == Some(account)).count();
    // a like and a comment leave 20: too little for what is dearest here; what costs nothing goes on
    assert_eq!((of(limited.account), of(limited.other)), (4, 1), "{claims:?}");
    assert_eq!(limited.check(limited.account, "like").await, "f|1|100|99");
    assert_eq!(limited.check(limited.other, "like").await, "t|0|100|100");
    let status = "SELECT scope, max, used, remaining, custom, resets_at > now() FROM crier.rate_limit_status";
    let status = format!("{status}('{}') WHERE action = 'spend'", limited.account);
    assert_eq!(limited.sql.text(&status).await, "account|70|50|20|t|t\nplatform|1000|70|930|f|∅");
    limited.sql.run(&set("200")).await;
    assert_eq!(limited.claim(20).await.len(), 4, "expected more money to let more through");
    let record = format!("SELECT crier.record_action('{}', 'spend', 500, true)", limited.account);
    assert_eq!(limited.sql.text(&record).await, "f");
}

#[tokio::test]
async fn what_was_spent_survives_a_crash_of_the_server() {
    let database = Database::private_with(&[("fsync", "on")]).await;
    let limited = Limited::new(database).await.with_budget("platform", 100).await;
    limited.add(limited.account, "like", 10).await;
    let claims = limited.claim(3).await;
    assert_eq!(claims.len(), 3);
    limited.complete_with(&claims[..1].to_vec(), &charged("small")).await;
    limited.snooze(&claims[1..2].to_vec()).await;
    limited.database.server().crash_and_restart();
    let limited = Limited { sql: limited.database.connect().await, ..limited };
    // 10 that were charged and 30 that are in a worker's hands
    assert_eq!(limited.claim(10).await.len(), 2);
    assert_eq!(limited.spent(limited.account).await, "100");
    limited.complete_with(&claims[2..].to_vec(), &charged("small")).await;
    assert_eq!(limited.spent(limited.account).await, "80");
    limited.sql.text("SELECT crier.reload_queue()").await;
    assert_eq!(limited.spent(limited.account).await, "80");
}

#[tokio::test]
async fn prices_hold_from_their_commit_on() {
    let limited = Limited::fresh().await.with_budget("platform", 100).await;
    limited.sql.run("DELETE FROM crier.platform_price").await;
    limited.add(limited.account, "like", 20).await;
    assert_eq!(limited.claim(5).await.len(), 5);
    limited.sql.run("BEGIN").await;
    limited.sql.run(PRICES).await;
    let other = limited.database.connect().await;
    assert_eq!(claim(&other, 5).await.len(), 5, "expected no price before the commit");
    limited.sql.run("COMMIT").await;
    let claims = limited.claim(10).await;
    assert_eq!(claims.len(), 3);
    // dearer from now on: what is in workers' hands was taken at the old price
    limited.sql.run("UPDATE crier.platform_price SET price = 60 WHERE charge = 'large'").await;
    assert_eq!(limited.spent(limited.account).await, "90");
    limited.complete_with(&claims[..2].to_vec(), &charged("small")).await;
    assert_eq!(limited.spent(limited.account).await, "50");
    assert_eq!(limited.claim(10).await.len(), 0);
    limited.snooze(&claims[2..].to_vec()).await;
    assert_eq!(limited.claim(10).await.len(), 1);
    for bad in ["0", "-1", "65536", "NULL"] {
        let sql = format!("UPDATE crier.platform_price SET price = {bad}");
        assert!(["23502", "23514"].contains(&limited.sql.refusal(&sql).await.code.as_str()), "{bad}");
    }
}
