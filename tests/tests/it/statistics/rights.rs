//! Who may ask for what, and how bad questions are answered.

use crier_tests::cluster::Database;
use crier_tests::session::Session;
use crier_tests::stage::{create_workspace, dummy_account};
use uuid::Uuid;

const CALLS: [&str; 7] = [
    "get_queue_stats()",
    "get_job_queue_stats()",
    "throughput()",
    "get_worker_stats()",
    "get_account_stats()",
    "list_blocks()",
    "alerts()",
];

async fn login(database: &Database, role: &str, of: &str) -> Session {
    let name = format!("{role}_{}", database.name());
    database.connect().await.run(&format!("CREATE ROLE {name} LOGIN IN ROLE {of}")).await;
    database.connect_as(&name).await
}

#[tokio::test]
async fn operators_see_everything_and_tenants_their_workspace() {
    let database = Database::shared().await;
    let superuser = database.connect().await;
    let (mine, theirs, user) =
        (create_workspace(&superuser).await, create_workspace(&superuser).await, Uuid::new_v4());
    let account = dummy_account(&superuser, mine, "alice.test").await;
    superuser.run(&format!("INSERT INTO crier.workspace_member VALUES ('{mine}', '{user}', 'viewer')")).await;
    superuser.run(&format!("SELECT crier.create_post('{mine}', 'hello', ARRAY['{account}'::uuid])")).await;
    superuser.run(&format!("SELECT crier.enqueue('a', workspace_id => '{mine}')")).await;
    let (tenant, monitor) =
        (login(&database, "tenant", "crier_app").await, login(&database, "monitor", "crier_monitor").await);
    tenant.run(&format!("SET crier.user_id = '{user}'")).await;
    for call in CALLS {
        assert!(monitor.try_text(&format!("SELECT * FROM crier.{call}")).await.is_ok(), "{call}");
        assert_eq!(tenant.refusal(&format!("SELECT * FROM crier.{call}")).await.code, "42501", "{call}");
    }
    for call in ["roll_up_statistics()", "jobs_since(now())", "running_claims()", "make_sketch('{1}')"] {
        for session in [&tenant, &monitor] {
            assert_eq!(session.refusal(&format!("SELECT * FROM crier.{call}")).await.code, "42501", "{call}");
        }
    }
    for table in ["job_stat", "worker_stat", "stat_state", "job_undone"] {
        assert_eq!(tenant.refusal(&format!("TABLE crier.{table}")).await.code, "42501", "{table}");
    }
    let stats = |id: Uuid| {
        format!(
            "SELECT posts, jobs, accounts, members, last_activity_at > now() - interval '1 hour', complete \
                 FROM crier.get_workspace_stats('{id}')"
        )
    };
    let expected = r#"{"scheduled": 1}|{"unfinished": 2}|{"active": 1}|2|t|t"#;
    assert_eq!(tenant.text(&stats(mine)).await, expected);
    assert_eq!(superuser.text(&stats(mine)).await, expected);
    let unknown = Uuid::new_v4();
    let answer = async |id: Uuid| {
        let refusal = tenant.refusal(&stats(id)).await;
        (refusal.code, refusal.message.replace(&id.to_string(), "…"), refusal.detail, refusal.hint)
    };
    assert_eq!(answer(theirs).await, answer(unknown).await, "a workspace of others must look like none");
    assert_eq!(answer(theirs).await.0, "P0002");
    assert_eq!(monitor.refusal(&stats(mine)).await.code, "42501");
}

#[tokio::test]
async fn bad_questions_get_a_clear_answer() {
    let sql = Database::shared().await.connect().await;
    for (call, code, names) in [
        ("get_job_queue_stats('0')", "22023", "p_window"),
        ("get_job_queue_stats('-1 hour')", "22023", "p_window"),
        ("throughput(NULL)", "22023", "p_bucket"),
        ("throughput('second')", "22023", "second"),
        ("throughput('minute', now() - interval '3 days')", "22023", "p_since"),
        ("throughput('hour', 'infinity')", "22023", "p_since"),
        ("throughput('day', '-infinity')", "22023", "p_since"),
        ("roll_up_statistics(NULL)", "22004", "p_max"),
        ("roll_up_statistics('0')", "22023", "p_max"),
        ("roll_up_statistics('1 hour', '-1 s')", "22023", "p_margin"),
        ("get_workspace_stats(NULL)", "22004", "p_workspace_id"),
        ("sketch_quantile('', 0.5)", "22023", "sketch"),
        ("sketch_quantile('\\xff00', 0.5)", "22023", "sketch"),
        ("sketch_quantile('\\x01', 2)", "22023", "share"),
        ("merge_sketches(ARRAY['\\x0101'::bytea])", "22023", "sketch"),
    ] {
        let refusal = sql.refusal(&format!("SELECT * FROM crier.{call}")).await;
        assert_eq!(refusal.code, code, "{call}: {refusal}");
        assert!(refusal.message.contains(names), "{call}: {refusal}");
        assert!(!refusal.hint.is_empty() && !refusal.detail.is_empty(), "{call}: {refusal}");
    }
    let repeatable = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT crier.roll_up_statistics()";
    assert_eq!(sql.refusal(repeatable).await.code, "25000");
}
