//! Circuit breakers: a platform or an account that does not answer as it should is left alone for a while.

use crier_tests::wait::wait_until;
use serde_json::json;

use super::{Claims, Limited};

/// Lets jobs of many accounts fail, so that the breaker of the server opens and none of an account does.
async fn fail_server(limited: &Limited, times: usize, class: &str) {
    for at in 0..times {
        let account = if at % 2 == 0 { limited.account } else { limited.other };
        limited.add(account, "like", 1).await;
        let claims = limited.claim(1).await;
        assert_eq!(claims.len(), 1, "after {at} failures");
        limited.fail(&claims, class, "1 day", &json!({})).await;
    }
}

#[tokio::test]
async fn a_server_that_fails_is_left_alone_then_tried_by_one() {
    let limited = Limited::fresh().await;
    limited.policy("breaker_pause = '200 milliseconds', breaker_failures = 4").await;
    fail_server(&limited, 4, "transient").await;
    let breakers = "SELECT platform, host, account_id, trips FROM crier.breakers()";
    assert_eq!(limited.sql.text(breakers).await, "bluesky|pds.example|∅|1");
    limited.add(limited.account, "like", 5).await;
    let mut probe: Claims = vec![];
    wait_until("one job to be tried", 1, async || {
        probe.extend(limited.claim(5).await);
        probe.len()
    })
    .await;
    assert_eq!(limited.sql.text("SELECT state FROM crier.breakers()").await, "half_open");
    assert_eq!(limited.claim(5).await.len(), 0, "expected one to try, not more");
    limited.fail(&probe, "transient", "1 day", &json!({})).await;
    // it is open for less than half a second
    assert_eq!(limited.sql.text("SELECT trips FROM crier.breakers()").await, "2");
    probe.clear();
    wait_until("another to be tried", 1, async || {
        probe.extend(limited.claim(5).await);
        probe.len()
    })
    .await;
    limited.complete(&probe).await;
    assert_eq!(limited.sql.text("SELECT count(*) FROM crier.breakers()").await, "0");
    assert_eq!(limited.claim(5).await.len(), 3);
}

#[tokio::test]
async fn only_outages_count_and_a_success_starts_anew() {
    let limited = Limited::fresh().await;
    limited.policy("breaker_failures = 3, breaker_pause = '1 hour', breaker_max_pause = '1 hour'").await;
    for class in ["content_invalid", "auth_expired", "permission", "rate_limited", "target_missing"] {
        fail_server(&limited, 1, class).await;
        limited.sql.run(&format!("SELECT crier.unblock_account('{}', 'like')", limited.account)).await;
    }
    assert_eq!(limited.sql.text("SELECT count(*) FROM crier.breakers()").await, "0");
    fail_server(&limited, 2, "transient").await;
    limited.add(limited.account, "like", 1).await;
    let claims = limited.claim(1).await;
    limited.complete(&claims).await;
    fail_server(&limited, 2, "outcome_unknown").await;
    assert_eq!(limited.sql.text("SELECT count(*) FROM crier.breakers()").await, "0");
    // a failure whose transaction is rolled back is none
    limited.add(limited.account, "like", 1).await;
    let claims = limited.claim(1).await;
    limited.sql.run("BEGIN").await;
    limited.fail(&claims, "config", "1 day", &json!({})).await;
    limited.sql.run("ROLLBACK").await;
    assert_eq!(limited.sql.text("SELECT count(*) FROM crier.breakers()").await, "0");
    limited.fail(&claims, "config", "1 day", &json!({})).await;
    assert_eq!(limited.sql.text("SELECT account_id, state FROM crier.breakers()").await, "∅|open");
    limited.add(limited.account, "like", 1).await;
    assert_eq!(limited.claim(5).await.len(), 0);
    assert_eq!(limited.sql.text("SELECT crier.unblock_server('bluesky', 'pds.example')").await, "f");
    assert_eq!(limited.claim(5).await.len(), 1, "expected the breaker to be closed by hand");
}

#[tokio::test]
async fn an_account_that_fails_alone_holds_up_nobody_else() {
    let limited = Limited::fresh().await;
    limited.policy("breaker_failures = 3, breaker_pause = '1 hour', breaker_max_pause = '1 hour'").await;
    for _ in 0..3 {
        limited.add(limited.account, "like", 1).await;
        let claims = limited.claim(1).await;
        limited.fail(&claims, "transient", "1 day", &json!({})).await;
        limited.add(limited.other, "like", 1).await;
        let claims = limited.claim(1).await;
        limited.complete(&claims).await;
    }
    let breakers = format!("SELECT account_id = '{}', state FROM crier.breakers()", limited.account);
    assert_eq!(limited.sql.text(&breakers).await, "t|open");
    limited.add(limited.account, "like", 1).await;
    limited.add(limited.other, "like", 1).await;
    let claims = limited.claim(5).await;
    assert_eq!(claims.iter().map(|claim| claim.2).collect::<Vec<_>>(), [Some(limited.other)]);
    let check = format!("SELECT allowed, reason FROM crier.check_rate_limit('{}', 'like')", limited.account);
    let reason = "f|the circuit breaker is open: the platform did not answer as it should";
    assert_eq!(limited.sql.text(&check).await, reason);
}
