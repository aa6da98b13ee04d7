//! How many of an action go through in a window.

use crier_tests::cluster::Database;
use crier_tests::wait::wait_until;
use serde_json::json;

use super::{Limited, claim};

#[tokio::test]
async fn many_workers_at_once_never_get_more_than_the_limit() {
    let limited = Limited::fresh().await;
    limited.limit("like", "1 hour", 10).await;
    limited.add(limited.account, "like", 200).await;
    limited.add(limited.other, "like", 200).await;
    let mut workers = Vec::new();
    for worker in 0..8_u32 {
        let session = limited.database.connect().await;
        workers.push(tokio::spawn(async move {
            let mut kept = 0;
            for round in 0..12_u32 {
                // some of what is taken is rolled back: it must neither be lost nor let others through meanwhile
                let rolls_back = (worker + round) % 3 == 0;
                session.run("BEGIN").await;
                let claims = claim(&session, 3).await;
                session.run(if rolls_back { "ROLLBACK" } else { "COMMIT" }).await;
                kept += if rolls_back { 0 } else { claims.len() };
            }
            kept
        }));
    }
    let mut kept = 0;
    for worker in workers {
        kept += worker.await.expect("a worker");
    }
    kept += limited.claim(100).await.len();
    assert_eq!(kept, 20, "expected both accounts to use up their limits, and not more");
    assert_eq!(limited.check(limited.account, "like").await, "f|10|10|0");
    // another kind of job of the same accounts is not held up, nor is work without an account
    limited.add(limited.account, "report", 3).await;
    limited.sql.text("SELECT crier.enqueue('plain')").await;
    assert_eq!(limited.claim(100).await.len(), 4);
}

#[tokio::test]
async fn several_windows_hold_at_once_and_each_opens_by_itself() {
    let limited = Limited::fresh().await;
    limited.limit("like", "3 seconds", 2).await;
    limited.limit("like", "1 hour", 3).await;
    limited.add(limited.account, "like", 5).await;
    assert_eq!(limited.claim(10).await.len(), 2);
    assert_eq!(limited.claim(10).await.len(), 0);
    // the seconds go by; the hour has room for one more
    let sql = "SELECT count(*) FROM crier.claim_jobs('w', 10, wait => '1 second')";
    wait_until("a job after the seconds", "1".to_owned(), async || limited.sql.text(sql).await).await;
    assert_eq!(limited.claim(10).await.len(), 0);
    assert_eq!(limited.check(limited.account, "like").await, "f|3|3|0");
    let next =
        "SELECT crier.next_run_at() BETWEEN now() + interval '50 minutes' AND now() + interval '70 minutes'";
    assert_eq!(limited.sql.text(next).await, "t", "expected to be told when there is something again");
}

#[tokio::test]
async fn what_was_not_done_is_given_back_and_what_may_have_been_is_not() {
    let limited = Limited::fresh().await;
    limited.limit("like", "1 hour", 10).await;
    let mut used = 0;
    let none = json!({});
    for (class, counts) in [
        ("transient", false),
        ("auth_expired", false),
        ("permission", false),
        ("content_invalid", false),
        ("outcome_unknown", true),
        ("duplicate", true),
    ] {
        limited.add(limited.account, "like", 1).await;
        let claims = limited.claim(1).await;
        assert_eq!(limited.check(limited.account, "like").await, format!("t|{}|10|{}", used + 1, 9 - used));
        limited.fail(&claims, class, "1 day", &none).await;
        used += i32::from(counts);
        let now = format!("t|{used}|10|{}", 10 - used);
        assert_eq!(limited.check(limited.account, "like").await, now, "{class}");
    }
    limited.add(limited.account, "like", 2).await;
    let claims = limited.claim(2).await;
    limited.snooze(&claims[..1].to_vec()).await;
    limited.complete(&claims[1..].to_vec()).await;
    assert_eq!(limited.check(limited.account, "like").await, "t|3|10|7");
    // an answer that is rolled back gives nothing back
    limited.add(limited.account, "like", 1).await;
    let claims = limited.claim(1).await;
    limited.sql.run("BEGIN").await;
    limited.snooze(&claims).await;
    limited.sql.run("ROLLBACK").await;
    assert_eq!(limited.check(limited.account, "like").await, "t|4|10|6");
}

#[tokio::test]
async fn a_publish_that_may_be_out_counts_once_with_the_look_at_it_and_another_action_twice() {
    let limited = Limited::fresh().await;
    for (action, kind) in [("publish", "publish_post"), ("like", "like")] {
        limited.limit(action, "1 hour", 1).await;
        limited.add(limited.account, kind, 1).await;
        let claims = limited.claim(1).await;
        limited.fail(&claims, "outcome_unknown", "-1 second", &json!({})).await;
        let again = limited.claim(1).await;
        // the limit is used up by this very job: a publish may look what became of it, a like would be done again
        assert_eq!(again.len(), usize::from(action == "publish"), "{action}");
        assert_eq!(limited.check(limited.account, action).await, "f|1|1|0");
        limited.complete(&again).await;
        limited.add(limited.account, kind, 1).await;
        assert_eq!(limited.claim(1).await.len(), 0);
    }
}

#[tokio::test]
async fn a_limit_that_is_made_later_gives_nothing_back_that_it_did_not_count() {
    let limited = Limited::fresh().await;
    limited.limit("like", "1 day", 100).await;
    limited.add(limited.account, "like", 5).await;
    let before = limited.claim(1).await;
    limited.limit("like", "1 hour", 3).await;
    assert_eq!(limited.claim(10).await.len(), 3);
    limited.fail(&before, "transient", "1 day", &json!({})).await;
    assert_eq!(limited.claim(10).await.len(), 0, "expected the hour to stay full");
    assert_eq!(limited.check(limited.account, "like").await, "f|3|3|0");
}

#[tokio::test]
async fn too_many_windows_stop_one_action_and_nothing_else() {
    let limited = Limited::fresh().await;
    for hours in 1..=5 {
        limited.limit("like", &format!("{hours} hours"), 100).await;
    }
    limited.add(limited.account, "like", 1).await;
    limited.add(limited.account, "comment", 1).await;
    limited.sql.text("SELECT crier.enqueue('plain')").await;
    assert_eq!(limited.claim(10).await.len(), 2, "expected what is not limited so to go on");
    limited.sql.run("DELETE FROM crier.platform_limit WHERE per = '5 hours'").await;
    assert_eq!(limited.claim(10).await.len(), 1);
}

#[tokio::test]
async fn a_limit_of_the_platform_is_shared_by_its_accounts() {
    let limited = Limited::fresh().await;
    let sql = "INSERT INTO crier.platform_limit (platform, action, scope, per, max) VALUES ('bluesky', 'like', 'platform', '1 day', 3)";
    limited.sql.run(sql).await;
    limited.limit("like", "1 hour", 100).await;
    limited.add(limited.account, "like", 5).await;
    limited.add(limited.other, "like", 5).await;
    let claims = limited.claim(10).await;
    assert_eq!(claims.len(), 3);
    let of = |account| claims.iter().filter(|(_, _, of)| *of == Some(account)).count();
    assert_eq!(of(limited.account).abs_diff(of(limited.other)), 1, "expected turns: {claims:?}");
    let status =
        format!("SELECT scope, max, used, remaining FROM crier.rate_limit_status('{}')", limited.other);
    assert_eq!(
        limited.sql.text(&status).await,
        format!("account|100|{0}|{1}\nplatform|3|3|0", of(limited.other), 100 - of(limited.other))
    );
}

#[tokio::test]
async fn what_was_used_survives_a_crash_of_the_server() {
    let limited = Limited::new(Database::private_with(&[("fsync", "on")]).await).await;
    limited.limit("like", "1 day", 5).await;
    limited.limit("comment", "1 day", 5).await;
    limited.add(limited.account, "like", 10).await;
    let claims = limited.claim(4).await;
    limited.complete(&claims[..2].to_vec()).await;
    limited.snooze(&claims[2..3].to_vec()).await;
    limited.sql.run(&format!("SELECT crier.record_action('{}', 'comment', 2)", limited.account)).await;
    limited.sql.run("BEGIN").await;
    assert_eq!(limited.claim(2).await.len(), 2);
    // not committed: forgotten together with the claim
    limited.database.server().crash_and_restart();
    let limited = Limited { sql: limited.database.connect().await, ..limited };
    assert_eq!(limited.check(limited.account, "like").await, "t|3|5|2");
    assert_eq!(limited.check(limited.account, "comment").await, "t|2|5|3");
    assert_eq!(limited.claim(10).await.len(), 2);
    limited.sql.text("SELECT crier.reload_queue()").await;
    assert_eq!(limited.check(limited.account, "like").await, "f|5|5|0");
    assert_eq!(limited.claim(10).await.len(), 0);
}

#[tokio::test]
async fn rules_hold_from_their_commit_on() {
    let limited = Limited::fresh().await;
    limited.add(limited.account, "like", 20).await;
    assert_eq!(limited.claim(1).await.len(), 1);
    limited.sql.run("BEGIN").await;
    limited.limit("like", "1 hour", 3).await;
    let other = limited.database.connect().await;
    assert_eq!(claim(&other, 5).await.len(), 5, "expected no limit before the commit");
    limited.sql.run("ROLLBACK").await;
    assert_eq!(limited.claim(1).await.len(), 1);
    limited.limit("like", "1 hour", 3).await;
    assert_eq!(limited.claim(10).await.len(), 3, "what was used before there was a limit is not known");
    limited.sql.run("UPDATE crier.platform_limit SET max = 4").await;
    assert_eq!(limited.claim(10).await.len(), 1);
    // a kind that no longer does the action is not limited by it
    limited.sql.run("UPDATE crier.job_kind SET action = NULL WHERE kind = 'like'").await;
    assert_eq!(limited.claim(2).await.len(), 2);
    limited.sql.run("UPDATE crier.job_kind SET action = 'like' WHERE kind = 'like'").await;
    assert_eq!(limited.claim(10).await.len(), 0);
    limited.sql.run("TRUNCATE crier.platform_limit").await;
    assert_eq!(limited.claim(100).await.len(), 7);
}

#[tokio::test]
async fn what_is_done_without_a_job_counts_too() {
    let limited = Limited::fresh().await;
    limited.limit("like", "1 hour", 5).await;
    let record = |count: i32, within: bool| {
        format!("SELECT crier.record_action('{}', 'like', {count}, {within})", limited.account)
    };
    assert_eq!(limited.sql.text(&record(3, true)).await, "t");
    assert_eq!(limited.sql.text(&record(3, true)).await, "f", "expected 3 more to be over the limit");
    assert_eq!(limited.check(limited.account, "like").await, "t|3|5|2");
    limited.sql.run(&format!("BEGIN; {}; ROLLBACK", record(2, true))).await;
    limited.sql.run(&format!("BEGIN; SAVEPOINT s; {}; ROLLBACK TO s; COMMIT", record(1, true))).await;
    assert_eq!(limited.check(limited.account, "like").await, "t|3|5|2");
    // it has happened, limit or no limit
    assert_eq!(limited.sql.text(&record(4, false)).await, "f");
    assert_eq!(limited.check(limited.account, "like").await, "f|7|5|0");
    limited.add(limited.account, "like", 1).await;
    assert_eq!(limited.claim(1).await.len(), 0);
}

#[tokio::test]
async fn a_custom_limit_takes_the_place_of_the_platforms() {
    let limited = Limited::fresh().await;
    limited.limit("like", "1 hour", 2).await;
    limited.limit("like", "1 day", 6).await;
    let set =
        |max: &str| format!("SELECT crier.set_rate_limit('{}', 'like', '1 hour', {max})", limited.account);
    limited.add(limited.account, "like", 20).await;
    limited.sql.run(&set("4")).await;
    assert_eq!(limited.claim(10).await.len(), 4);
    let status =
        format!("SELECT action, per, max, used, custom FROM crier.rate_limit_status('{}')", limited.account);
    assert_eq!(limited.sql.text(&status).await, "like|01:00:00|4|4|t\nlike|1 day|6|4|f");
    limited.sql.run(&set("100")).await;
    assert_eq!(limited.claim(10).await.len(), 2, "expected the other window to hold");
    limited.sql.run(&format!("BEGIN; {}; ROLLBACK", set("NULL"))).await;
    assert_eq!(limited.sql.text(&status).await, "like|01:00:00|100|6|t\nlike|1 day|6|6|f");
    limited.sql.run("UPDATE crier.account_limit SET max = 50").await;
    assert_eq!(limited.sql.text(&status).await, "like|01:00:00|50|6|t\nlike|1 day|6|6|f");
    limited.sql.run(&set("NULL")).await;
    assert_eq!(limited.sql.text(&status).await, "like|01:00:00|2|6|f\nlike|1 day|6|6|f");
    limited.sql.run(&set("0")).await;
    assert_eq!(
        limited.check(limited.account, "like").await,
        "f|6|6|0",
        "expected the window that opens last"
    );
    limited.add(limited.other, "like", 20).await;
    assert_eq!(limited.claim(10).await.len(), 2, "expected the other account to have the platform's limit");
}

#[tokio::test]
async fn requests_of_a_user_are_counted_by_endpoint() {
    let limited = Limited::fresh().await;
    let ask = async |user: &str, endpoint: &str, max: &str| {
        let sql = format!(
            "SELECT allowed, used, max, remaining, resets_at > now() FROM crier.check_rate_limit('{user}', '{endpoint}', {max})"
        );
        limited.sql.text(&sql).await
    };
    let (one, two) = ("0b7a5f0e-8f6e-4c0e-9a59-2d1f0d9c3f11", "0b7a5f0e-8f6e-4c0e-9a59-2d1f0d9c3f12");
    assert_eq!(ask(one, "posts", "2").await, "t|1|2|1|∅");
    limited.sql.run("BEGIN").await;
    assert_eq!(ask(one, "posts", "2").await, "t|2|2|0|t");
    limited.sql.run("ROLLBACK").await;
    assert_eq!(
        ask(one, "posts", "2").await,
        "f|2|2|0|t",
        "expected a request to count whatever its transaction does"
    );
    assert_eq!(ask(two, "posts", "2").await, "t|1|2|1|∅");
    assert_eq!(ask(one, "uploads", "NULL").await, "t|1|20|19|∅");
    assert_eq!(ask(one, "anything", "NULL").await, "t|1|200|199|∅");
    assert_eq!(ask(one, "posts", "0").await, "f|2|0|0|t");
}
