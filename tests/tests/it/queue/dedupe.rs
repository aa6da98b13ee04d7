//! The same work is not done twice: find_or_create_job, get_cached_job_result, limits of unfinished jobs per user.

use std::collections::BTreeSet;

use crier_tests::cluster::Database;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Queue;

async fn find(queue: &Queue, user: Uuid, kind: &str, params: &Value) -> (Uuid, bool, Option<String>) {
    let row =
        queue.0.row("SELECT * FROM crier.find_or_create_job($1, $2, $3)", &[&user, &kind, params]).await;
    (row.get(0), row.get(1), row.get(2))
}

async fn cached(queue: &Queue, user: Uuid, kind: &str, params: &Value, ttl: &str) -> Option<Value> {
    let sql = "SELECT result FROM crier.get_cached_job_result($1, $2, $3, $4::text::interval)";
    queue.0.rows(sql, &[&user, &kind, params, &ttl]).await.first().map(|row| row.get(0))
}

#[tokio::test]
async fn fifty_callers_at_once_make_one_job() {
    let database = Database::shared().await;
    let user = Uuid::new_v4();
    let callers = (0..50).map(|n| {
        let database = database.clone();
        tokio::spawn(async move {
            let queue = Queue::open(&database).await;
            // the same value, written in two ways
            let params = if n % 2 == 0 {
                r#"{"a": 1, "b": [1.0, "é"]}"#
            } else {
                r#"{"b": [1, "\u00e9"], "a": 1e0}"#
            };
            let sql = format!(
                "SELECT job_id, is_new FROM crier.find_or_create_job('{user}', 'report', '{params}')"
            );
            queue.0.text(&sql).await
        })
    });
    let mut answers = Vec::new();
    for caller in callers.collect::<Vec<_>>() {
        answers.push(caller.await.expect("a caller"));
    }
    let ids: BTreeSet<_> = answers.iter().map(|answer| answer.split('|').next()).collect();
    let new = answers.iter().filter(|answer| answer.ends_with("|t")).count();
    assert_eq!((ids.len(), new), (1, 1), "{answers:?}");
    let queue = Queue::open(&database).await;
    assert_eq!(queue.0.text("SELECT count(*) FROM crier.jobs").await, "1");
}

#[tokio::test]
async fn the_same_is_user_type_and_params_while_unfinished() {
    let queue = Queue::fresh().await;
    let (user, other) = (Uuid::new_v4(), Uuid::new_v4());
    let params = json!({"n": 1});
    let (id, is_new, status) = find(&queue, user, "report", &params).await;
    assert_eq!((is_new, status), (true, None));
    assert_eq!(find(&queue, user, "report", &params).await, (id, false, Some("pending".into())));
    assert_ne!(find(&queue, other, "report", &params).await.0, id);
    assert_ne!(find(&queue, user, "other", &params).await.0, id);
    assert_ne!(find(&queue, user, "report", &json!({"n": 2})).await.0, id);
    let claim = queue.claim(10).await.into_iter().find(|claim| claim.id == id).expect("the job");
    assert_eq!(find(&queue, user, "report", &params).await, (id, false, Some("running".into())));
    queue.fail(&claim, "transient").await;
    assert_eq!(find(&queue, user, "report", &params).await, (id, false, Some("retrying".into())));
    queue.0.rows("SELECT crier.cancel_jobs($1)", &[&vec![id]]).await;
    assert!(find(&queue, user, "report", &params).await.1, "expected a finished job not to count");
}

#[tokio::test]
async fn beyond_the_window_a_new_job_takes_over() {
    let queue = Queue::fresh().await;
    let user = Uuid::new_v4();
    let sql = "SELECT job_id FROM crier.find_or_create_job($1, 'report', '{}', '0')";
    let first: Uuid = queue.0.value(sql, &[&user]).await;
    let second: Uuid = queue.0.value(sql, &[&user]).await;
    assert_ne!(first, second);
    assert_eq!(find(&queue, user, "report", &json!({})).await.0, second);
    // the end of the first one frees nothing of the second's
    queue.complete(&queue.claim(1).await[0]).await;
    assert_eq!(queue.state(first).await, "completed");
    assert_eq!(find(&queue, user, "report", &json!({})).await.0, second);
}

#[tokio::test]
async fn a_result_is_found_until_it_is_too_old() {
    let queue = Queue::fresh().await;
    let user = Uuid::new_v4();
    let params = json!({"n": 1});
    assert_eq!(cached(&queue, user, "report", &params, "1 hour").await, None);
    find(&queue, user, "report", &params).await;
    assert_eq!(
        cached(&queue, user, "report", &params, "1 hour").await,
        None,
        "expected no result of unfinished work"
    );
    queue.complete(&queue.claim_one().await).await;
    assert_eq!(
        cached(&queue, user, "report", &json!({"n": 1.0}), "1 hour").await,
        Some(json!({"done": true}))
    );
    assert_eq!(cached(&queue, user, "report", &params, "0").await, None);
    assert_eq!(cached(&queue, user, "report", &json!({"n": 2}), "1 hour").await, None);
    assert_eq!(cached(&queue, Uuid::new_v4(), "report", &params, "1 hour").await, None);
    assert_eq!(cached(&queue, user, "other", &params, "1 hour").await, None);
}

#[tokio::test]
async fn a_user_has_ten_unfinished_jobs_of_an_interactive_kind_at_most() {
    let database = Database::shared().await;
    let user = Uuid::new_v4();
    let callers = (0..20).map(|_| {
        let database = database.clone();
        tokio::spawn(async move {
            let queue = Queue::open(&database).await;
            queue.0.try_text(&format!("SELECT crier.enqueue('like', user_id => '{user}')")).await
        })
    });
    let (mut accepted, mut refused) = (0, Vec::new());
    for caller in callers.collect::<Vec<_>>() {
        match caller.await.expect("a caller") {
            Ok(_) => accepted += 1,
            Err(refusal) => refused.push(refusal),
        }
    }
    assert_eq!(accepted, 10, "{refused:?}");
    assert!(
        refused.iter().all(|refusal| refusal.code == "53400" && refusal.detail == "user_limit"),
        "{refused:?}"
    );
    let queue = Queue::open(&database).await;
    queue.0.text(&format!("SELECT crier.enqueue('like', user_id => '{}')", Uuid::new_v4())).await;
    queue.0.text(&format!("SELECT crier.enqueue('no_limit', user_id => '{user}')")).await;
    let claims = queue.claim(20).await;
    queue.complete(&claims[0]).await;
    queue.0.text(&format!("SELECT crier.enqueue('like', user_id => '{user}')")).await;
    let again = queue.0.refusal(&format!("SELECT crier.enqueue('like', user_id => '{user}')")).await;
    assert_eq!(again.code, "53400", "{again}");
}
