//! `crier.get_user_jobs`: pages with a number of all, by offset.

use crier_tests::backdoor::History;
use crier_tests::cluster::Database;
use crier_tests::session::Session;

use super::Tenant;

async fn ask(sql: &Session, user: uuid::Uuid, more: &str) -> String {
    let text = format!(
        "SELECT count(*), min(total_count), bool_and(total_is_exact) FROM crier.get_user_jobs('{user}'{more})"
    );
    sql.text(&text).await
}

#[tokio::test]
async fn every_row_has_the_total_and_filters_count() {
    let database = Database::shared().await;
    let worker = database.connect().await;
    let tenant = Tenant::new(&database).await;
    tenant.enqueue(90).await;
    let complete = "SELECT count(*) FROM (SELECT crier.complete_jobs(array_agg(job_id), array_agg(token)) \
                    FROM crier.claim_jobs('w', 10)) c";
    worker.text(complete).await;
    worker.text("SELECT count(*) FROM crier.claim_jobs('w', 5)").await;
    let user = tenant.user;
    for (more, expected) in [
        ("", "50|90|t"),
        (", p_limit => 7", "7|90|t"),
        (", p_limit => 50, p_offset => 80", "10|90|t"),
        (", p_offset => 1000", "0|∅|∅"),
        (", 'completed'", "10|10|t"),
        (", 'running'", "5|5|t"),
        (", 'pending'", "50|75|t"),
        (", 'retrying'", "0|∅|∅"),
        (", p_job_type => 'k1'", "30|30|t"),
        (", 'completed', 'no such kind'", "0|∅|∅"),
    ] {
        assert_eq!(ask(&tenant.sql, user, more).await, expected, "{more}");
        assert_eq!(ask(&worker, user, more).await, expected, "{more}, by a trusted caller");
    }
    assert_eq!(ask(&worker, tenant.workspace, "").await, "0|∅|∅", "expected nothing of a user without jobs");
}

#[tokio::test]
async fn any_order_is_that_of_a_full_read() {
    let database = Database::shared().await;
    let worker = database.connect().await;
    let tenant = Tenant::new(&database).await;
    let enqueue = "SELECT crier.enqueue('k' || n % 4, workspace_id => $1, priority => n % 5, \
                   run_at => now() - make_interval(secs => n * 7 % 13)) FROM generate_series(1, 40) n";
    tenant.sql.rows(enqueue, &[&tenant.workspace]).await;
    worker
        .text(
            "SELECT crier.complete_jobs(array_agg(job_id), array_agg(token)) FROM crier.claim_jobs('w', 12)",
        )
        .await;
    for column in ["created_at", "run_at", "finished_at", "priority", "kind", "state"] {
        for direction in ["asc", "desc", "DESC"] {
            let key = if column == "created_at" { "id" } else { column };
            let whole: Vec<uuid::Uuid> = tenant
                .sql
                .column(
                    &format!(
                        "SELECT id FROM crier.jobs ORDER BY {key} COLLATE_C {direction}, id {direction}"
                    )
                    .replace(
                        "COLLATE_C",
                        if matches!(column, "kind" | "state") { "COLLATE \"C\"" } else { "" },
                    ),
                    &[],
                )
                .await;
            let mut paged = Vec::new();
            for offset in (0..40).step_by(9) {
                let text = format!(
                    "SELECT id FROM crier.get_user_jobs('{}', p_limit => 9, p_offset => {offset}, \
                     p_order_by => '{column}', p_order_dir => '{direction}')",
                    tenant.user
                );
                paged.extend(tenant.sql.column::<uuid::Uuid>(&text, &[]).await);
            }
            assert_eq!(paged, whole, "{column} {direction}");
        }
    }
}

#[tokio::test]
async fn rows_are_those_of_the_view() {
    let database = Database::shared().await;
    let tenant = Tenant::new(&database).await;
    tenant.enqueue(3).await;
    let columns = "id, workspace_id, user_id, account_id, platform, kind, params, priority, state, run_at, attempt, \
                   max_attempts, progress, result, error, created_at, finished_at";
    let rows = |from: &str| format!("SELECT {columns} FROM {from} ORDER BY id");
    let paged = tenant.sql.text(&rows(&format!("crier.get_user_jobs('{}')", tenant.user))).await;
    assert_eq!(paged, tenant.sql.text(&rows("crier.jobs")).await);
}

#[tokio::test]
async fn beyond_ten_thousand_the_total_says_that_it_is_no_longer_exact() {
    let superuser = Database::shared().await.connect().await;
    History { jobs: 10_005, days: 2, users: 1, workspaces: 1, lines: 0 }.make(&superuser).await;
    assert_eq!(ask(&superuser, History::user(0), "").await, "50|10000|f");
    assert_eq!(ask(&superuser, History::user(0), ", 'failed'").await, "10|10|f");
}

#[tokio::test]
async fn a_page_far_down_names_the_function_to_use() {
    let superuser = Database::shared().await.connect().await;
    let call = "SELECT * FROM crier.get_user_jobs(crier.new_id(), p_offset => 1001)";
    let refused = superuser.refusal(call).await;
    assert_eq!((refused.code.as_str(), refused.message.as_str()), ("22023", "p_offset is 1001"));
    assert!(refused.hint.contains("crier.list_jobs"), "{refused}");
}
