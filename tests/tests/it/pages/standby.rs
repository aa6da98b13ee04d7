//! Everything that lists answers on a hot standby and in a transaction that is READ ONLY, and takes no transaction id.

use crier_tests::backdoor::History;
use crier_tests::cluster::Database;
use crier_tests::session::Session;

use super::all;

const CALLS: [&str; 13] = [
    "list_jobs()",
    "list_jobs(p_status => 'failed')",
    "list_jobs(p_status => 'running')",
    "list_posts()",
    "list_events()",
    "list_logs()",
    "list_logs(p_search => 'number')",
    "search_jobs('{}')",
    "search_jobs(p_result => '{}')",
    "list_by_time('jobs', 'day', now() - interval '1 day')",
    "get_paginated_data('crier.jobs')",
    "list_webhooks()",
    "list_schedules()",
];

async fn answers(sql: &Session) -> Vec<String> {
    let mut answers = Vec::new();
    for call in CALLS {
        let rows = all(sql, call).await;
        let ids: Vec<String> = rows.iter().map(|row| row["id"].to_string()).collect();
        answers.push(format!("{call}: {}", ids.join(" ")));
    }
    let user_jobs = format!(
        "SELECT id, state, total_count FROM crier.get_user_jobs('{}', p_status => 'completed')",
        History::user(0)
    );
    answers.push(sql.text(&user_jobs).await);
    answers
}

#[tokio::test]
async fn a_standby_and_a_read_only_transaction_give_the_same_pages() {
    let database = Database::private().await;
    let primary = database.connect().await;
    History { jobs: 150, days: 2, users: 2, workspaces: 2, lines: 1 }.make(&primary).await;
    primary.text("SELECT crier.index_history(100)").await;
    primary.text("SELECT crier.enqueue('open'), crier.enqueue('open')").await;
    primary.text("SELECT crier.receive_webhook('x', 'k', '{}', '{x}', '{NULL}', '{\"{}\"}')").await;
    let expected = answers(&primary).await;
    assert!(expected[0].len() > 150 * 36 && expected[7].len() > 150 * 36, "{expected:?}");

    primary.run("BEGIN READ ONLY").await;
    assert_eq!(answers(&primary).await, expected);
    assert_eq!(primary.text("SELECT pg_current_xact_id_if_assigned()").await, "∅");
    primary.run("COMMIT").await;

    let standby = database.server().standby();
    let replica = standby.connect(database.name()).await;
    let there = "SELECT count(*) FROM crier.job";
    let jobs = primary.text(there).await;
    crier_tests::wait::wait_until("the standby's jobs", jobs, async || replica.text(there).await).await;
    assert_eq!(answers(&replica).await, expected);
    let refused = replica.refusal("SELECT crier.log_job(crier.new_id(), 'info', 'x')").await;
    assert_eq!(refused.code, "25006", "{refused}");
}
