//! The job log and the search: what workers wrote is found, on the open day and in history, by index or by walk.

use std::collections::BTreeSet;

use crier_tests::backdoor::History;
use crier_tests::cluster::Database;
use crier_tests::session::Session;
use uuid::Uuid;

use super::{Tenant, all, all_ids};

async fn messages(sql: &Session, call: &str) -> Vec<String> {
    let rows = all(sql, call).await;
    rows.iter().map(|row| row["message"].as_str().expect("a message").to_owned()).collect()
}

async fn log(sql: &Session, job: Uuid, level: &str, message: &str, metadata: &str) -> Uuid {
    let text = format!("SELECT crier.log_job($1, $2, $3, '{metadata}')");
    sql.value(&text, &[&job, &level, &message]).await
}

#[tokio::test]
async fn lines_come_back_newest_first_by_every_filter() {
    let database = Database::shared().await;
    let worker = database.connect().await;
    let tenant = Tenant::new(&database).await;
    let jobs = tenant.enqueue(2).await;
    log(&worker, jobs[0], "info", "Upload of image.png started", r#"{"bytes": 5, "host": {"name": "a"}}"#)
        .await;
    log(&worker, jobs[1], "warning", "Upload slow", r#"{"bytes": 9}"#).await;
    log(&worker, jobs[0], "error", "Upload failed: connection reset", r#"{"host": {"name": "b"}}"#).await;
    log(&worker, jobs[0], "debug", "gave up", "{}").await;
    let job = format!("p_job_id => '{}'", jobs[0]);
    for (filter, expected) in [
        (
            "",
            &["gave up", "Upload failed: connection reset", "Upload slow", "Upload of image.png started"][..],
        ),
        (job.as_str(), &["gave up", "Upload failed: connection reset", "Upload of image.png started"]),
        ("p_levels => '{warning,error}'", &["Upload failed: connection reset", "Upload slow"]),
        ("p_levels => '{debug,error}'", &["gave up", "Upload failed: connection reset"]),
        ("p_search => 'UPLOAD -slow'", &["Upload failed: connection reset", "Upload of image.png started"]),
        ("p_search => '\"connection reset\"'", &["Upload failed: connection reset"]),
        ("p_search => '\"reset connection\"'", &[]),
        ("p_search => 'slow or gave'", &["gave up", "Upload slow"]),
        ("p_metadata => '{\"bytes\": 9}'", &["Upload slow"]),
        ("p_metadata => '{\"host\": {\"name\": \"b\"}}'", &["Upload failed: connection reset"]),
        ("p_search => 'upload', p_metadata => '{\"bytes\": 5}'", &["Upload of image.png started"]),
        ("p_search => 'upload', p_levels => '{error}'", &["Upload failed: connection reset"]),
        (
            "p_levels => '{warning,error}', p_since => now() - interval '1 hour'",
            &["Upload failed: connection reset", "Upload slow"],
        ),
        ("p_since => now() + interval '1 hour'", &[]),
    ] {
        for sql in [&worker, &tenant.sql] {
            assert_eq!(messages(sql, &format!("list_logs({filter})")).await, expected, "{filter}");
        }
    }
    assert_eq!(
        messages(&tenant.sql, &format!("list_logs({job}, p_search => 'upload', p_limit => 1)")).await.len(),
        2
    );
}

#[tokio::test]
async fn a_batch_answers_for_each_line() {
    let database = Database::shared().await;
    let worker = database.connect().await;
    let jobs = Tenant::new(&database).await.enqueue(2).await;
    let ids: Vec<Option<Uuid>> = worker
        .column(
            "SELECT crier.log_jobs(ARRAY[$1, crier.new_id(), $2, $1]::uuid[], '{info,info,error,debug}', '{a,b,c,\"\"}', \
             ARRAY['{\"x\": 1}', NULL, NULL, '{}']::jsonb[])",
            &[&jobs[0], &jobs[1]],
        )
        .await;
    assert_eq!(ids.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, true, true]);
    assert_eq!(messages(&worker, "list_logs()").await, ["", "c", "a"]);
    assert!(ids[0] < ids[2] && ids[2] < ids[3], "expected the order of the array: {ids:?}");
    assert_eq!(worker.text("SELECT crier.log_jobs('{}', '{}', '{}')").await, "");
    worker.run("BEGIN").await;
    log(&worker, jobs[0], "info", "undone", "{}").await;
    worker.run("ROLLBACK").await;
    assert_eq!(messages(&worker, "list_logs(p_search => 'undone')").await, [] as [String; 0]);
    let refused = worker.refusal("SELECT crier.log_job(crier.new_id(), 'info', 'x')").await;
    assert_eq!((refused.code.as_str(), refused.detail.as_str()), ("P0002", "not_found"), "{refused}");
}

/// What searches find of a history, by the numbers of the jobs.
async fn found(sql: &Session) -> Vec<BTreeSet<i64>> {
    let mut found = Vec::new();
    for call in [
        "search_jobs('{\"n\": 17}')",
        "search_jobs('{\"n\": 1500}')",
        "search_jobs('{\"n\": 2999}')",
        "search_jobs('{\"n\": 4000}')",
        "search_jobs(p_result => '{\"nth\": 1500}')",
        "search_jobs('{\"n\": 1500}', '{\"nth\": 1500}')",
        "search_jobs('{\"n\": 1500}', '{\"nth\": 1501}')",
        "search_jobs('{\"n\": 1500}', p_job_type => 'kind2')",
        "search_jobs('{\"n\": 1500}', p_job_type => 'kind3')",
        "search_jobs('{}', p_limit => 70, p_job_type => 'kind3')",
        "search_jobs(p_result => '{}', p_limit => 70, p_job_type => 'kind3')",
        "list_logs(p_search => 'number 17')",
        "list_logs(p_search => 'number 2999')",
        "list_logs(p_metadata => '{\"n\": 1500, \"line\": 1}')",
        "list_logs(p_search => 'job', p_levels => '{warning}', p_limit => 7)",
        "list_logs(p_search => '\"number 1500\" or \"number 17\"', p_metadata => '{\"line\": 1}')",
    ] {
        let rows = all(sql, call).await;
        let numbers: Vec<i64> = rows
            .iter()
            .filter_map(|row| row["params"]["n"].as_i64().or(row["metadata"]["n"].as_i64()))
            .collect();
        assert!(
            numbers.is_sorted_by(|one, two| one >= two),
            "expected the newest first: {call}: {numbers:?}"
        );
        found.push(numbers.into_iter().collect());
    }
    found
}

#[tokio::test]
async fn a_search_finds_the_same_with_and_without_indexes() {
    let superuser = Database::shared().await.connect().await;
    History { jobs: 3_000, days: 3, users: 10, workspaces: 3, lines: 2 }.make(&superuser).await;
    let walked = found(&superuser).await;
    assert_eq!(walked[0], BTreeSet::from([17]));
    assert_eq!(walked[3], BTreeSet::new());
    assert_eq!(walked[5], BTreeSet::from([1500]));
    assert_eq!(walked[6], BTreeSet::new());
    assert_eq!(walked[7], BTreeSet::from([1500]));
    assert_eq!(walked[8], BTreeSet::new());
    assert_eq!(walked[9].len(), 429, "every seventh");
    assert_eq!(walked[9], walked[10]);
    assert_eq!(walked[14].len(), 30);
    // one day after the other gets its indexes: then some days have them and others do not
    let mut made = Vec::new();
    loop {
        let one = superuser.text("SELECT crier.index_history()").await;
        if one.is_empty() {
            break;
        }
        made.push(one);
        assert_eq!(found(&superuser).await, walked, "after {made:?}");
    }
    assert_eq!(made.len(), 12, "expected four indexes for each of three days: {made:?}");
    let live = "SELECT crier.enqueue('open', '{\"n\": 17}')";
    superuser.text(live).await;
    assert_eq!(
        all_ids(&superuser, "search_jobs('{\"n\": 17}')").await.len(),
        2,
        "expected the open day to be searched too"
    );
}

#[tokio::test]
async fn a_day_with_unfinished_jobs_gets_no_index_that_would_hold_up_their_end() {
    let superuser = Database::shared().await.connect().await;
    History { jobs: 100, days: 1, users: 1, workspaces: 1, lines: 1 }.make(&superuser).await;
    let unfinished = "DELETE FROM crier.job_outcome WHERE result @> '{\"nth\": 50}' RETURNING id";
    let id: Uuid = superuser.value(unfinished, &[]).await;
    superuser.text("SELECT crier.reload_queue()").await;
    let made = superuser.text("SELECT string_agg(i, ' ') FROM crier.index_history(100) i").await;
    assert!(made.contains("_params") && made.contains("_words"), "{made}");
    assert!(!made.contains("_result"), "{made}");
    let finish =
        "SELECT crier.complete_jobs(array_agg(job_id), array_agg(token)) FROM crier.claim_jobs('w', 5)";
    assert_eq!(superuser.value::<Uuid>(finish, &[]).await, id);
    let made = superuser.text("SELECT crier.index_history(100)").await;
    assert!(made.contains("_result"), "expected it once the last job has ended: {made}");
}

#[tokio::test]
async fn two_who_index_history_at_once_do_not_wait_for_each_other() {
    let database = Database::shared().await;
    let (one, two) = (database.connect().await, database.connect().await);
    History { jobs: 50, days: 1, users: 1, workspaces: 1, lines: 1 }.make(&one).await;
    one.run("BEGIN").await;
    assert!(!one.text("SELECT crier.index_history()").await.is_empty());
    assert_eq!(two.text("SELECT crier.index_history()").await, "");
    one.run("ROLLBACK").await;
    assert_eq!(two.text("SELECT crier.index_history(100)").await.lines().count(), 4);
}
