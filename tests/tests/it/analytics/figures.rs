//! Figures of posts: what they gain is counted, and they are read by themselves.

use uuid::Uuid;

use super::Stage;

#[tokio::test]
async fn figures_that_are_read_count_what_they_have_gained() {
    let stage = Stage::new().await;
    let workspace = stage.workspace;
    let post = stage
        .sql
        .text(&format!("SELECT crier.create_post('{workspace}', 'x', ARRAY['{}'::uuid])", stage.account))
        .await;
    let target = stage
        .sql
        .text(&format!("UPDATE crier.post_target SET state = 'published', external_id = 'at://x', published_at = now() WHERE post_id = '{post}' RETURNING id"))
        .await;
    let read = async |figures: &str| {
        stage.sql.text(&format!("SELECT crier.read_metrics('{target}')")).await;
        let report = format!(
            "SELECT crier.report_metrics(job_id, token, 'done', '{figures}') FROM crier.claim_jobs('w', 1, kinds => '{{read_metrics}}')"
        );
        assert_eq!(stage.sql.text(&report).await, "completed");
    };
    let sums = format!(
        "SELECT kind, platform, value FROM crier.analytics('{workspace}', 'yesterday', p_kinds => '{{metric_views,metric_likes,metric_replies,metric_shares}}')"
    );
    read(r#"{"views": 10, "likes": 3}"#).await;
    assert_eq!(stage.sql.text(&sums).await, "metric_likes|bluesky|3\nmetric_views|bluesky|10");
    read(r#"{"views": 25, "likes": 3, "shares": 1}"#).await;
    assert_eq!(
        stage.sql.text(&sums).await,
        "metric_likes|bluesky|3\nmetric_shares|bluesky|1\nmetric_views|bluesky|25"
    );
    // somebody takes a like back, and the views are not told this time
    read(r#"{"likes": 2}"#).await;
    read(r#"{"likes": 2, "views": 26}"#).await;
    assert_eq!(
        stage.sql.text(&sums).await,
        "metric_likes|bluesky|2\nmetric_shares|bluesky|1\nmetric_views|bluesky|26"
    );
    assert_eq!(
        stage.sql.text("SELECT views, likes, replies, shares FROM crier.post_metrics").await.replace('∅', ""),
        "26|2||1"
    );
    assert_eq!(
        stage.sql.text("SELECT count(*) FROM crier.analytics_event WHERE post_id IS NOT NULL").await,
        "6"
    );
}

#[tokio::test]
async fn figures_are_read_by_themselves_less_and_less_often() {
    let stage = Stage::new().await;
    let workspace = stage.workspace;
    let schedule = "SELECT crier.schedule_readings(p_batch => 2)";
    // the first call begins: what was published before is not made up for
    let publish = async |account: Uuid, ago: &str| {
        let post = stage
            .sql
            .text(&format!("SELECT crier.create_post('{workspace}', 'x', ARRAY['{account}'::uuid])"))
            .await;
        let done = format!(
            "WITH done AS (UPDATE crier.post_target SET state = 'published', external_id = id::text, published_at = now() \
                           WHERE post_id = '{post}' RETURNING *) \
             INSERT INTO crier.event (workspace_id, id, kind, account_id, post_id, target_id, created_at) \
             SELECT workspace_id, crier.new_id(), 'post_published', account_id, post_id, id, now() - interval '{ago}' FROM done"
        );
        stage.sql.run(&done).await;
    };
    publish(stage.account, "3 hours").await;
    assert_eq!(stage.sql.text(schedule).await, r#"{"scheduled": 0}"#);
    assert_eq!(stage.sql.text("SELECT count(*) FROM crier.metrics_reading").await, "6");
    // as if it had begun two days ago
    let back = "UPDATE crier.metrics_reading SET read_at = read_at - interval '2 days', event_id = '00000000-0000-0000-0000-000000000000'";
    stage.sql.run(back).await;
    for ago in ["10 minutes", "2 hours", "7 hours", "7 hours", "7 hours"] {
        publish(stage.account, ago).await;
    }
    stage.sql.run("UPDATE crier.social_account SET platform = 'x' WHERE handle = 'bob.test'").await;
    // three hours, two hours and three times seven: once an hour after, and the sevens six hours after too. None has two jobs.
    assert_eq!(stage.sql.text(schedule).await, r#"{"scheduled": 8}"#);
    let jobs = "SELECT count(*), count(DISTINCT params), min(priority), max(priority), count(DISTINCT account_id) FROM crier.job WHERE kind = 'read_metrics'";
    assert_eq!(stage.sql.text(jobs).await, "5|5|-50|-50|1");
    assert_eq!(stage.sql.text(schedule).await, r#"{"scheduled": 0}"#);
    // where it is switched off, for a workspace or a platform, and where the account can't
    for (off, on) in [
        (format!("SELECT crier.set_metrics_reading('{workspace}', false)"), format!("SELECT crier.set_metrics_reading('{workspace}', true)")),
        (
            "CREATE TABLE plan AS TABLE crier.metrics_plan; UPDATE crier.metrics_plan SET after = '{7 days}' WHERE platform = 'bluesky'".to_owned(),
            "UPDATE crier.metrics_plan SET after = plan.after FROM plan WHERE plan.platform = metrics_plan.platform".to_owned(),
        ),
        (
            "UPDATE crier.social_account SET status = 'reauth_required'".to_owned(),
            "UPDATE crier.social_account SET status = 'active'".to_owned(),
        ),
    ] {
        stage.sql.run(&off).await;
        stage.sql.run(back).await;
        assert_eq!(stage.sql.text(schedule).await, r#"{"scheduled": 0}"#, "{off}");
        stage.sql.run(&on).await;
    }
    stage.sql.run(back).await;
    assert_eq!(stage.sql.text(schedule).await, r#"{"scheduled": 8}"#, "the control");
}
