//! What users have published: worked out where something has happened, and never in the way.

use crier_tests::cluster::Database;
use crier_tests::stage::{create_workspace, dummy_account};
use uuid::Uuid;

#[tokio::test]
async fn figures_follow_what_happens_and_nobody_waits_for_them() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    let (workspace, idle) = (create_workspace(&sql).await, create_workspace(&sql).await);
    let account = dummy_account(&sql, workspace, "alice.test").await;
    let (one, two) = (Uuid::new_v4(), Uuid::new_v4());
    let post = async |author: Uuid, more: &str| {
        let create = format!(
            "SELECT crier.create_post('{workspace}', 'x', ARRAY['{account}'::uuid], author_id => '{author}'{more})"
        );
        sql.text(&create).await
    };
    let first = post(one, "").await;
    post(one, ", draft => true").await;
    post(two, "").await;
    let refresh = "SELECT crier.refresh_user_statistics_cache(p_batch => 1, p_max_ms => 60000)";
    let stats = |user: Uuid| {
        format!(
            "SELECT posts, drafts, scheduled, published, failed, unconfirmed, canceled, refreshed_at > now() - interval '1 minute' \
             FROM crier.get_user_stats('{workspace}', '{user}')"
        )
    };
    assert_eq!(sql.text(&stats(one)).await, "", "before it was worked out");
    assert_eq!(sql.text(refresh).await, r#"{"refreshed": 1, "workspaces": 2}"#, "not {idle}");
    assert_eq!(sql.text(&stats(one)).await, "2|1|1|0|0|0|0|t");
    assert_eq!(sql.text(&stats(two)).await, "1|0|1|0|0|0|0|t");

    sql.run(&format!("UPDATE crier.post_target SET state = 'published', external_id = 'x', published_at = now() WHERE post_id = '{first}'")).await;
    sql.text(&format!("SELECT crier.delete_post(post_id) FROM crier.post_target WHERE post_id <> '{first}'"))
        .await;
    // somebody reads, and another has something under way that is not committed
    let reader = database.connect().await;
    reader.run("BEGIN ISOLATION LEVEL REPEATABLE READ").await;
    assert_eq!(reader.text(&stats(two)).await, "1|0|1|0|0|0|0|t");
    let writer = database.connect().await;
    writer.run(&format!("BEGIN; SELECT crier.create_post('{workspace}', 'x', ARRAY['{account}'::uuid], author_id => '{two}')")).await;
    assert_eq!(sql.text(refresh).await, r#"{"refreshed": 1, "workspaces": 2}"#);
    assert_eq!(sql.text(&stats(one)).await, "2|1|0|1|0|0|0|t");
    assert_eq!(sql.text(&stats(two)).await, "", "has no post any more");
    assert_eq!(reader.text(&stats(two)).await, "1|0|1|0|0|0|0|t");
    reader.run("COMMIT").await;
    writer.run("COMMIT").await;
    assert_eq!(sql.text(refresh).await, r#"{"refreshed": 1, "workspaces": 2}"#);
    assert_eq!(sql.text(&stats(two)).await, "1|0|1|0|0|0|0|t", "what was committed late");

    // an hour later nothing has happened
    sql.run("UPDATE crier.user_statistic_refresh SET refreshed_at = now() + interval '1 hour'").await;
    assert_eq!(sql.text(refresh).await, r#"{"refreshed": 0, "workspaces": 2}"#);
    assert_eq!(sql.text(&format!("SELECT count(*) FROM crier.get_user_stats('{idle}')")).await, "0");
}

#[tokio::test]
async fn who_reads_while_figures_are_worked_out_has_the_old_ones_at_once() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    let workspace = create_workspace(&sql).await;
    let account = dummy_account(&sql, workspace, "alice.test").await;
    let author = Uuid::new_v4();
    let post = format!(
        "SELECT crier.create_post('{workspace}', 'x', ARRAY['{account}'::uuid], author_id => '{author}')"
    );
    let refresh = "SELECT crier.refresh_user_statistics_cache() -> 'refreshed'";
    sql.text(&post).await;
    assert_eq!(sql.text(refresh).await, "1");
    sql.text(&post).await;
    sql.run("BEGIN").await;
    assert_eq!(sql.text(refresh).await, "1");
    let reader = database.connect().await;
    reader.run("SET lock_timeout = '1s'").await;
    let stats = format!("SELECT posts FROM crier.get_user_stats('{workspace}', '{author}')");
    assert_eq!(reader.text(&stats).await, "1");
    // nor does whoever posts wait
    reader.text(&post).await;
    sql.run("COMMIT").await;
    assert_eq!(reader.text(&stats).await, "2");
}
