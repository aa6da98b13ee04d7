//! Whose alerts are delivered first, and that nobody's wait for somebody else's endpoint.

use crier_tests::session::Session;
use uuid::Uuid;

use super::Alarm;
use super::raised::endpoint;

/// The endpoints of the deliveries that a worker gets which takes up to `max`, in the order of the claim.
async fn claimed(sql: &Session, max: i32) -> Vec<Uuid> {
    let claim =
        "SELECT (params ->> 'endpoint_id')::uuid FROM crier.claim_jobs('w', $1, kinds => '{deliver_alert}')";
    sql.column(claim, &[&max]).await
}

#[tokio::test]
async fn an_endpoint_of_the_operators_that_hangs_holds_up_no_other() {
    let alarm = Alarm::new().await;
    let hanging = endpoint(&alarm, None, None).await;
    for _ in 0..5 {
        alarm.lose_post("content_invalid").await;
    }
    let pager = endpoint(&alarm, None, None).await;
    alarm.lose_post("content_invalid").await;
    // two at a time of each, and whoever has them never answers
    let mut in_hand = claimed(&alarm.sql, 10).await;
    in_hand.sort_unstable_by_key(|id| *id == pager);
    assert_eq!(in_hand, [hanging, hanging, pager]);
    assert_eq!(claimed(&alarm.sql, 10).await, [] as [Uuid; 0]);
    alarm.lose_post("content_invalid").await;
    assert_eq!(claimed(&alarm.sql, 10).await, [pager]);
}

#[tokio::test]
async fn what_the_operator_hears_goes_first() {
    let alarm = Alarm::new().await;
    let tenants = endpoint(&alarm, Some(alarm.workspace), None).await;
    alarm.lose_post("content_invalid").await;
    let operators = endpoint(&alarm, None, None).await;
    alarm.lose_post("content_invalid").await;
    alarm.lose_post("content_invalid").await;
    assert_eq!(claimed(&alarm.sql, 4).await, [operators, operators, tenants, tenants]);
}

#[tokio::test]
async fn the_endpoints_of_a_workspace_share_its_turn() {
    let alarm = Alarm::new().await;
    for _ in 0..3 {
        endpoint(&alarm, Some(alarm.workspace), None).await;
    }
    alarm.lose_post("content_invalid").await;
    assert_eq!(claimed(&alarm.sql, 10).await.len(), 2, "expected two at a time of a workspace");
}

#[tokio::test]
async fn a_limit_of_users_is_none_of_endpoints() {
    let alarm = Alarm::new().await;
    let operators = endpoint(&alarm, None, None).await;
    alarm.sql.run("UPDATE crier.job_kind SET user_limit = 1 WHERE kind = 'deliver_alert'").await;
    alarm.lose_post("content_invalid").await;
    alarm.lose_post("content_invalid").await;
    assert_eq!(alarm.told(operators).await, "post.failed post.failed");
}
