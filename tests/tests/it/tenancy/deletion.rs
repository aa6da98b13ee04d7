//! A workspace that is deleted is nobody's at once, and its rows go some at a time.

use crier_tests::session::Session;
use crier_tests::stage::dummy_account;
use uuid::Uuid;

use super::{Tenant, tenants};

/// Tables in which a tenant may have rows, by the workspace. The activity log stays: it tells who deleted the workspace.
async fn rows_of(superuser: &Session, workspace: Uuid) -> String {
    let tables: Vec<String> = superuser
        .column(
            "SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'workspace_id' \
             WHERE c.relnamespace = 'crier'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> 'activity_log' ORDER BY 1",
            &[],
        )
        .await;
    assert!(tables.len() > 15, "{tables:?}");
    let mut found = Vec::new();
    for table in tables {
        let count = format!("SELECT count(*) FROM crier.{table} WHERE workspace_id = '{workspace}'");
        match superuser.text(&count).await.as_str() {
            "0" => {}
            count => found.push(format!("{table} {count}")),
        }
    }
    found.join(", ")
}

/// Everything that a workspace can have.
async fn fill(superuser: &Session, tenant: &Tenant) {
    let (workspace, account) = (tenant.workspace, tenant.account);
    tenant.follow().await;
    for job in 0..25 {
        let enqueue =
            format!("SELECT crier.enqueue('k', workspace_id => '{workspace}', dedupe_key => '{job}')");
        tenant.session.text(&enqueue).await;
    }
    tenant.session.text(&format!("SELECT crier.set_rate_limit('{account}', 'like', '1 hour', 1)")).await;
    tenant
        .session
        .text(&format!("SELECT crier.block_account('{account}', now() + interval '1 hour', 'like')"))
        .await;
    tenant.session.text(&format!("SELECT crier.invite_member('{workspace}', crier.new_id())")).await;
    let sealed: String =
        crier_tests::stage::dummy_sealed().iter().map(|byte| format!("{byte:02x}")).collect();
    let endpoint = format!(
        "SELECT crier.add_alert_endpoint(crier.new_id(), 'https://a.test/', '\\x{sealed}', '{workspace}')"
    );
    superuser.run(&endpoint).await;
    superuser
        .run(&format!(
            "SELECT crier.log_job(id, 'info', 'a line') FROM crier.job WHERE workspace_id = '{workspace}'; \
             SELECT crier.pause_jobs(workspace_id => '{workspace}'); \
             SELECT crier.record_analytics(jsonb_agg(jsonb_build_object('workspace_id', '{workspace}', 'kind', 'k' || n % 3, 'at', \
                 now() - n * interval '2 hours', 'account_id', '{account}'))) FROM generate_series(0, 30) n; \
             SELECT crier.roll_up_analytics(); \
             SELECT crier.record_analytics(jsonb_build_array(jsonb_build_object('workspace_id', '{workspace}', 'kind', 'k'))); \
             INSERT INTO crier.alert_told VALUES ('{workspace}', '{account}', 'k', 1); \
             INSERT INTO crier.post_metrics (workspace_id, target_id, read_at) \
             SELECT workspace_id, id, now() FROM crier.post_target WHERE workspace_id = '{workspace}'"
        ))
        .await;
}

/// Has the statistics sum up what has ended so far.
async fn sum_up(superuser: &Session) {
    superuser.run("UPDATE crier.stat_state SET closed_until = clock_timestamp() + interval '1 second'").await;
}

#[tokio::test]
async fn a_deleted_workspace_is_nobodys_at_once_and_gone_soon() {
    let (superuser, one, two) = tenants().await;
    fill(&superuser, &one).await;
    fill(&superuser, &two).await;
    let before = rows_of(&superuser, two.workspace).await;
    // one job is in a worker's hands
    let claim = format!(
        "SELECT job_id, token FROM crier.claim_jobs('w', 1, kinds => '{{k}}', workspaces => ARRAY['{}'::uuid])",
        one.workspace
    );
    superuser.run(&format!("SELECT crier.resume_jobs(workspace_id => '{}')", one.workspace)).await;
    let held = superuser.text(&claim).await;
    let (job, token) = held.split_once('|').expect("a job");

    let delete = format!("SELECT crier.delete_workspace('{}')", one.workspace);
    assert_eq!(two.session.refusal(&delete).await.code, "P0002");
    one.session.text(&delete).await;
    for view in ["posts", "jobs", "events", "accounts", "actions", "job_logs", "blocks"] {
        assert_eq!(one.session.text(&format!("SELECT count(*) FROM crier.{view}")).await, "0", "{view}");
    }
    assert_eq!(one.session.text("SELECT count(*) FROM crier.my_workspaces()").await, "0");
    let post = format!("SELECT crier.create_post('{}', 'x', ARRAY['{}'::uuid])", one.workspace, one.account);
    assert_eq!(one.session.refusal(&post).await.code, "P0002");
    assert_eq!(superuser.refusal(&post).await.code, "P0002", "nor does a trusted caller find it");
    let add = format!("SELECT crier.add_member('{}', '{}', 'owner')", one.workspace, one.user);
    assert_eq!(superuser.refusal(&add).await.code, "P0002", "nor can it be taken over");
    let tokens = format!("SELECT count(*) FROM crier.credential WHERE workspace_id = '{}'", one.workspace);
    assert_eq!(superuser.text(&tokens).await, "0", "expected the tokens to be gone at once");
    let unfinished = format!(
        "SELECT count(*) FROM crier.jobs WHERE workspace_id = '{}' AND finished_at IS NULL",
        one.workspace
    );
    assert_eq!(superuser.text(&unfinished).await, "0");
    let complete = format!("SELECT crier.complete_jobs(ARRAY['{job}'::uuid], ARRAY[{token}])");
    assert_eq!(superuser.text(&complete).await, "", "expected the worker's lease to be lost");
    assert_eq!(superuser.text(&claim).await, "");

    // what ended is summed up first
    let purge = "SELECT crier.purge_workspaces(p_batch => 7, p_max_ms => 60000)";
    assert_eq!(superuser.text(purge).await, r#"{"waits": true, "deleted": 0, "workspaces": 0}"#);
    sum_up(&superuser).await;
    let purged = superuser.text(purge).await;
    assert!(purged.ends_with(r#""workspaces": 1}"#), "{purged}");
    assert_eq!(rows_of(&superuser, one.workspace).await, "");
    assert_eq!(superuser.text(purge).await, r#"{"deleted": 0, "workspaces": 0}"#);
    assert_eq!(superuser.text("SELECT count(*) FROM crier.workspace").await, "1");
    assert_eq!(superuser.text("SELECT count(*) FROM crier.pause").await, "1");
    assert_eq!(
        rows_of(&superuser, two.workspace).await,
        before,
        "expected the other tenant's to be as it was"
    );
    superuser.run("SELECT crier.reload_queue()").await;
    assert_eq!(superuser.text("SELECT crier.backlog() IS NOT NULL").await, "t");
}

#[tokio::test]
async fn a_large_workspace_goes_batch_by_batch() {
    let (superuser, one, two) = tenants().await;
    let late = dummy_account(&superuser, one.workspace, "late.test").await;
    // more unfinished jobs than end in the transaction itself, the oldest of them in a worker's hands
    let many = format!(
        "SELECT count(crier.enqueue('k', workspace_id => '{}', user_id => NULL)) FROM generate_series(1, 2500)",
        one.workspace
    );
    one.session.text(&many).await;
    one.session.text(&format!("SELECT crier.delete_workspace('{}')", one.workspace)).await;
    let unfinished = format!(
        "SELECT count(*) FROM crier.jobs WHERE workspace_id = '{}' AND finished_at IS NULL",
        one.workspace
    );
    assert_eq!(superuser.text(&unfinished).await, "1501");
    // a credential that came too late
    let sealed: String =
        crier_tests::stage::dummy_sealed().iter().map(|byte| format!("{byte:02x}")).collect();
    let store = format!("SELECT crier.store_credential('{late}', 1, '\\x{sealed}')");
    assert_eq!(
        superuser.refusal(&store).await.code,
        "P0002",
        "expected no token for a workspace that is deleted"
    );
    // as one whose transaction had begun before
    superuser
        .run(&format!(
            "INSERT INTO crier.credential (workspace_id, account_id, platform, generation, sealed) VALUES ('{}', '{late}', 'bluesky', 1, '\\x{sealed}')",
            one.workspace
        ))
        .await;
    let purge = "SELECT crier.purge_workspaces(p_batch => 200, p_max_ms => 1)";
    let mut runs = 0;
    sum_up(&superuser).await;
    while superuser.text("SELECT count(*) FROM crier.workspace").await != "1" {
        superuser.text(purge).await;
        sum_up(&superuser).await;
        runs += 1;
        assert!(runs < 100, "still there: {}", rows_of(&superuser, one.workspace).await);
    }
    assert!(runs > 5, "expected many runs, but it took {runs}");
    assert_eq!(rows_of(&superuser, one.workspace).await, "");
    assert_eq!(two.session.text("SELECT count(*) FROM crier.posts").await, "1");
}

#[tokio::test]
async fn what_a_worker_is_answering_for_is_left_for_the_next_time() {
    let (superuser, one, _two) = tenants().await;
    let first = format!("SELECT crier.enqueue('k', workspace_id => '{}')", one.workspace);
    let job = one.session.text(&first).await;
    // newer ones, which the deletion itself ends
    one.session.text(&format!("{first} FROM generate_series(1, 1000)")).await;
    one.session.text(&format!("SELECT crier.delete_workspace('{}')", one.workspace)).await;
    superuser.run("BEGIN").await;
    superuser.text(&format!("SELECT crier.cancel_jobs(ARRAY['{job}'::uuid])")).await;
    let other = one.database.connect().await;
    let purge = "SELECT crier.purge_workspaces(p_max_ms => 60000)";
    sum_up(&other).await;
    let purged = other.text(purge).await;
    assert!(purged.contains(r#""waits": true"#), "{purged}");
    superuser.run("COMMIT").await;
    sum_up(&other).await;
    let purged = other.text(purge).await;
    assert!(purged.ends_with(r#""workspaces": 1}"#), "{purged}");
}
