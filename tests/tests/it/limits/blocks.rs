//! What a platform or a person blocks waits, and nothing else does.

use serde_json::json;

use super::Limited;

#[tokio::test]
async fn a_refusal_for_a_time_parks_exactly_the_scope_it_names() {
    // what goes on after the refusal of a like of one account
    let cases = [
        (json!({}), [false, true, true]),
        (json!({"scope": "action"}), [false, true, true]),
        (json!({"scope": "account"}), [false, false, true]),
        (json!({"scope": "server"}), [false, false, false]),
        (json!({"scope": "job"}), [true, true, true]),
    ];
    for (error, goes_on) in cases {
        let both = ["rate_limited", "quota_exhausted"];
        for class in &both[..if error == json!({}) { 2 } else { 1 }] {
            let limited = Limited::fresh().await;
            limited.add(limited.account, "like", 1).await;
            let claims = limited.claim(1).await;
            limited.fail(&claims, class, "1 hour", &error).await;
            limited.add(limited.account, "like", 1).await;
            limited.add(limited.account, "comment", 1).await;
            limited.add(limited.other, "like", 1).await;
            limited.add(limited.account, "report", 1).await;
            let kinds = "SELECT kind || ' ' || (account_id = $1) FROM crier.claim_jobs('w', 10)";
            let handed: Vec<String> = limited.sql.column(kinds, &[&limited.account]).await;
            let expected = ["like true", "comment true", "like false"];
            for (kind, expected) in expected.into_iter().zip(goes_on) {
                assert_eq!(
                    handed.contains(&kind.to_owned()),
                    expected,
                    "{class} {error}: {kind} of {handed:?}"
                );
            }
            assert!(handed.contains(&"report true".to_owned()), "expected what acts on no platform to go on");
            let next = "SELECT crier.next_run_at() BETWEEN now() + interval '55 minutes' AND now() + interval '61 minutes'";
            assert_eq!(limited.sql.text(next).await, "t", "{class} {error}");
        }
    }
}

#[tokio::test]
async fn a_block_is_seen_lasts_over_a_reload_and_can_be_lifted() {
    let limited = Limited::fresh().await;
    limited.limit("like", "1 hour", 50).await;
    limited.add(limited.account, "like", 1).await;
    let claims = limited.claim(1).await;
    limited.fail(&claims, "rate_limited", "2 hours", &json!({"scope": "account"})).await;
    let blocks = "SELECT platform, host, account_id = $1, action, until > now() + interval '1 hour', reason FROM crier.blocks";
    let seen = limited.sql.text(&blocks.replace("$1", &format!("'{}'", limited.account))).await;
    assert_eq!(seen, "bluesky|∅|t|∅|t|the platform answered rate_limited");
    let check = format!(
        "SELECT allowed, blocked_until > now(), reason FROM crier.check_rate_limit('{}', 'like')",
        limited.account
    );
    assert_eq!(limited.sql.text(&check).await, "f|t|the platform answered rate_limited");
    limited.add(limited.account, "like", 1).await;
    assert_eq!(limited.claim(5).await.len(), 0);
    limited.sql.text("SELECT crier.reload_queue()").await;
    assert_eq!(limited.claim(5).await.len(), 0);
    let lift = format!("SELECT crier.unblock_account('{}')", limited.account);
    limited.sql.run(&format!("BEGIN; {lift}; ROLLBACK")).await;
    assert_eq!(limited.claim(5).await.len(), 0, "expected a rollback to lift nothing");
    assert_eq!(limited.sql.text(&lift).await, "t");
    assert_eq!(limited.sql.text(&lift).await, "f");
    assert_eq!(limited.claim(5).await.len(), 1);
    assert_eq!(limited.sql.text("SELECT count(*) FROM crier.blocks").await, "0");
}

#[tokio::test]
async fn a_person_blocks_and_the_later_end_counts() {
    let limited = Limited::fresh().await;
    let block = |until: &str, action: &str| {
        format!(
            "SELECT crier.block_account('{}', now() + interval '{until}', {action}, 'holidays')",
            limited.account
        )
    };
    limited.sql.run(&block("2 days", "'like'")).await;
    limited.sql.run(&block("1 hour", "'like'")).await;
    // one that has passed when it is committed lifts nothing
    limited.sql.run(&block("-1 second", "'like'")).await;
    let until = "SELECT until > now() + interval '47 hours' FROM crier.blocks";
    assert_eq!(limited.sql.text(until).await, "t", "expected a shorter block not to end a longer one");
    limited.add(limited.account, "like", 1).await;
    limited.add(limited.account, "comment", 1).await;
    assert_eq!(limited.claim(5).await.len(), 1);
    limited.sql.run(&block("2 days", "NULL")).await;
    limited.add(limited.account, "comment", 1).await;
    assert_eq!(limited.claim(5).await.len(), 0);
    limited.sql.run("SELECT crier.block_server('bluesky', 'PDS.example', now() + interval '1 day')").await;
    limited.add(limited.other, "like", 1).await;
    assert_eq!(limited.claim(5).await.len(), 0);
    assert_eq!(limited.sql.text("SELECT crier.unblock_server('bluesky', 'pds.example')").await, "t");
    assert_eq!(limited.claim(5).await.len(), 1);
}

#[tokio::test]
async fn an_account_that_its_platform_blocks_by_its_policy_cools_down_for_a_day() {
    let limited = Limited::fresh().await;
    limited.add(limited.account, "like", 1).await;
    let claims = limited.claim(1).await;
    limited.fail(&claims, "policy_blocked", "1 second", &json!({})).await;
    limited.add(limited.account, "comment", 1).await;
    limited.add(limited.other, "comment", 1).await;
    let claims = limited.claim(5).await;
    assert_eq!(claims.iter().map(|claim| claim.2).collect::<Vec<_>>(), [Some(limited.other)]);
    let until =
        "SELECT until BETWEEN now() + interval '23 hours' AND now() + interval '25 hours' FROM crier.blocks";
    assert_eq!(limited.sql.text(until).await, "t");
}

#[tokio::test]
async fn what_is_blocked_costs_others_no_turn() {
    let limited = Limited::fresh().await;
    limited.add(limited.account, "like", 2_000).await;
    limited
        .sql
        .run(&format!("SELECT crier.block_account('{}', now() + interval '1 day')", limited.account))
        .await;
    let others = limited.add(limited.other, "like", 3).await;
    let claims = limited.claim(3).await;
    assert_eq!(claims.iter().map(|claim| claim.0).collect::<Vec<_>>(), others);
}
