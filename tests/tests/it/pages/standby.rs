//! Everything that lists answers on a hot standby and in a transaction that is READ ONLY, and takes no transaction id.

use crier_tests::backdoor::History;
use crier_tests::cluster::Database;
use crier_tests::session::Session;

use super::all;

const CALLS: [&str; 16] = [
    "list_jobs()",
    "list_jobs(p_status => 'failed')",
    "list_jobs(p_status => 'running')",
    "list_posts()",
    "list_posts(p_tag => 't', p_search => 'planned')",
    "list_posts(p_account_id => '00000000-0000-0000-0000-000000000000')",
    "list_posts(p_status => 'scheduled')",
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
    let calendar = "SELECT c.* FROM crier.workspace w, crier.calendar(w.id, now() - interval '1 day', now() + interval '1 day') c \
                    WHERE w.name = 'standby'";
    answers.push(sql.text(calendar).await);
    let paged =
        "SELECT g.* FROM crier.workspace w, crier.get_posts(w.id, p_tag => 't') g WHERE w.name = 'standby'";
    answers.push(sql.text(paged).await);
    let timeline = "SELECT t.* FROM crier.post p, crier.post_timeline(p.id) t WHERE p.content = 'planned'";
    answers.push(sql.text(timeline).await);
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
    let workspace = crier_tests::stage::create_workspace(&primary).await;
    let account = crier_tests::stage::dummy_account(&primary, workspace, "a.test").await;
    primary.run(&format!("UPDATE crier.workspace SET name = 'standby' WHERE id = '{workspace}'")).await;
    let post = "SELECT crier.create_post($1, 'planned', ARRAY[$2::uuid], tags => '{t}')";
    primary.rows(post, &[&workspace, &account]).await;
    let expected = answers(&primary).await;
    let last = &expected[expected.len() - 3..];
    let shown =
        last[0].contains("planned") && last[1].contains("planned") && last[2].contains("post_created");
    assert!(shown && expected[4].len() > 36, "{expected:?}");
    assert!(expected[0].len() > 150 * 36 && expected[10].len() > 150 * 36, "{expected:?}");

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
