//! One tenant never meets another's rows, nor learns that they exist.

mod activity;
mod bounds;
mod calls;
mod deletion;
pub(crate) mod filled;
mod hostile_install;
mod members;
mod oracle;
mod policies;
mod rights;
mod sessions;

use std::sync::atomic::{AtomicU32, Ordering};

use crier_tests::cluster::Database;
use crier_tests::session::Session;
use crier_tests::stage::dummy_account;
use uuid::Uuid;

/// A workspace with a post, and its owner's session as an application has it.
struct Tenant {
    user: Uuid,
    workspace: Uuid,
    account: Uuid,
    post: Uuid,
    session: Session,
    database: Database,
}

async fn tenants() -> (Session, Tenant, Tenant) {
    let database = Database::shared().await;
    let superuser = database.connect().await;
    let role = app_role(&superuser).await;
    let one = Tenant::new(&database, &superuser, &role, "one").await;
    let two = Tenant::new(&database, &superuser, &role, "two").await;
    (superuser, one, two)
}

/// A new login role: roles belong to the whole server.
pub(crate) async fn app_role(superuser: &Session) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let role = format!("app_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    superuser.run(&format!("CREATE ROLE {role} LOGIN IN ROLE crier_app")).await;
    role
}

impl Tenant {
    async fn new(database: &Database, superuser: &Session, role: &str, name: &str) -> Self {
        let user = Uuid::new_v4();
        let session = database.connect_as(role).await;
        session.run(&format!("SET crier.user_id = '{user}'")).await;
        let workspace = session.value("SELECT crier.create_workspace($1, $2)", &[&name, &user]).await;
        let account = dummy_account(superuser, workspace, &format!("{name}.test")).await;
        let post = session
            .value("SELECT crier.create_post($1, $2, ARRAY[$3::uuid])", &[&workspace, &name, &account])
            .await;
        Self { user, workspace, account, post, session, database: database.clone() }
    }

    /// Has the account do something besides publishing.
    async fn follow(&self) -> Uuid {
        self.session.value("SELECT crier.act($1, 'follow', 'carol.test')", &[&self.account]).await
    }
}

#[tokio::test]
async fn a_user_sees_only_rows_of_own_workspaces() {
    let (superuser, one, two) = tenants().await;
    for tenant in [&one, &two] {
        tenant.follow().await;
    }
    superuser
        .run("INSERT INTO crier.post_metrics (workspace_id, target_id, likes, read_at) SELECT workspace_id, id, 1, now() FROM crier.post_target")
        .await;
    for view in [
        "posts",
        "jobs",
        "events",
        "accounts",
        "post",
        "post_target",
        "job",
        "event",
        "social_account",
        "workspace_member",
        "actions",
        "account_action",
        "post_metrics",
    ] {
        let ids = format!("SELECT DISTINCT workspace_id FROM crier.{view}");
        for tenant in [&one, &two] {
            assert_eq!(tenant.session.text(&ids).await, tenant.workspace.to_string(), "crier.{view}");
        }
        let all = superuser.text(&format!("SELECT count(DISTINCT workspace_id) FROM crier.{view}")).await;
        assert_eq!(all, "2", "expected rows of both tenants in crier.{view}, or the test proves nothing");
    }
    assert_eq!(one.session.text("SELECT id FROM crier.workspace").await, one.workspace.to_string());
    let nobody = "RESET crier.user_id; SELECT count(*) FROM crier.posts";
    assert_eq!(one.session.text(nobody).await, "0", "expected a session without a user to see nothing");
    let claims = format!(
        "SELECT set_config('request.jwt.claims', '{{\"sub\": \"{}\"}}', false); SELECT content FROM crier.posts",
        two.user
    );
    assert!(one.session.text(&claims).await.ends_with("\ntwo"), "expected the user of the claims");
}

#[tokio::test]
async fn credentials_are_for_nobody() {
    let (_superuser, one, _) = tenants().await;
    for table in [
        "credential",
        "oauth_state",
        "app_registration",
        "alert_endpoint",
        "alert_told",
        "alert_state",
        "workspace_invitation",
        "webhook_delivery",
        "api_key",
        "idempotency_key",
        "installation",
        "migration",
    ] {
        let refusal = one.session.refusal(&format!("SELECT * FROM crier.{table}")).await;
        assert_eq!(refusal.code, "42501", "{table}: {refusal}");
    }
}

#[tokio::test]
async fn another_workspace_and_none_at_all_get_the_same_answer() {
    let (superuser, one, two) = tenants().await;
    let target: Uuid =
        superuser.value("SELECT id FROM crier.post_target WHERE post_id = $1", &[&two.post]).await;
    let action = two.follow().await;
    let unknown = Uuid::new_v4();
    // the id stands in the message: it is what the caller gave, and must be all that differs
    for call in [
        format!("SELECT crier.create_post('ID', 'x', ARRAY['{}'::uuid])", one.account),
        format!("SELECT crier.create_post('ID', 'x', ARRAY['{}'::uuid])", two.account),
        format!("SELECT crier.create_post('{}', 'x', ARRAY['ID'::uuid])", one.workspace),
        "SELECT crier.enqueue('k', workspace_id => 'ID')".into(),
        "SELECT crier.get_post('ID')".into(),
        "SELECT crier.cancel_post('ID')".into(),
        "SELECT crier.resolve_target('ID', 'absent')".into(),
        "SELECT crier.delete_published('ID')".into(),
        "SELECT crier.read_metrics('ID')".into(),
        "SELECT crier.act('ID', 'follow', 'bob.test')".into(),
        "SELECT crier.get_action('ID')".into(),
        "SELECT crier.resolve_action('ID', 'absent')".into(),
    ] {
        let foreign = match call.as_str() {
            call if ["resolve_target", "delete_published", "read_metrics"]
                .iter()
                .any(|f| call.contains(f)) =>
            {
                target
            }
            call if call.contains("_action") => action,
            call if call.contains("crier.act(") => two.account,
            call if call.contains("get_post") || call.contains("cancel_post") => two.post,
            call if call.contains("ARRAY['ID'") => two.account,
            _ => two.workspace,
        };
        let ask = async |id: Uuid| {
            let refusal = one.session.refusal(&call.replace("ID", &id.to_string())).await;
            let message = refusal.message.replace(&id.to_string(), "…");
            (refusal.code, message, refusal.detail, refusal.hint)
        };
        let (theirs, none) = (ask(foreign).await, ask(unknown).await);
        assert_eq!(theirs, none, "{call}");
        assert_eq!(none.0, "P0002", "{call}");
    }
    let cancel = format!("SELECT crier.cancel_jobs(ARRAY(SELECT id FROM crier.jobs) || '{unknown}'::uuid)");
    let canceled = one.session.text(&cancel).await;
    assert_eq!(canceled.lines().count(), 1, "expected the own job only");
}

#[tokio::test]
async fn another_tenants_jobs_can_not_be_canceled() {
    let (superuser, one, two) = tenants().await;
    let job =
        superuser.text(&format!("SELECT id FROM crier.jobs WHERE workspace_id = '{}'", two.workspace)).await;
    assert_eq!(one.session.text(&format!("SELECT crier.cancel_jobs(ARRAY['{job}'::uuid])")).await, "");
    let state = superuser.text(&format!("SELECT state FROM crier.jobs WHERE id = '{job}'")).await;
    assert_eq!(state, "pending");
}

#[tokio::test]
async fn another_tenants_failed_posts_can_not_be_tried_again() {
    let (superuser, one, two) = tenants().await;
    superuser
        .run(&format!(
            "SELECT j.* FROM (SELECT array_agg(job_id) AS jobs, array_agg(token) AS tokens \
             FROM crier.claim_jobs('w', 10, workspaces => ARRAY['{}'::uuid])) c, \
             LATERAL crier.fail_jobs(c.jobs, c.tokens, '{{config}}', ARRAY['{{}}'::jsonb]) j",
            two.workspace
        ))
        .await;
    let job = superuser.text("SELECT job_id FROM crier.dead_jobs()").await;
    let retry = format!("SELECT crier.retry_jobs(ARRAY['{job}'::uuid])");
    assert_eq!(one.session.text(&retry).await, "");
    let state = "SELECT state FROM crier.post_target WHERE job_id = ";
    assert_eq!(superuser.text(&format!("{state}'{job}'")).await, "failed");
    assert_eq!(two.session.text(&retry).await, job);
    assert_eq!(superuser.text(&format!("{state}'{job}'")).await, "queued");
}

#[tokio::test]
async fn a_viewer_reads_and_does_not_write() {
    let (superuser, one, two) = tenants().await;
    let member = "INSERT INTO crier.workspace_member (workspace_id, user_id, role) VALUES";
    superuser.run(&format!("{member} ('{}', '{}', 'viewer')", one.workspace, two.user)).await;
    assert_eq!(two.session.text("SELECT count(*) FROM crier.posts").await, "2");
    two.session.text(&format!("SELECT crier.get_post('{}')", one.post)).await;
    let action = one.follow().await;
    two.session.text(&format!("SELECT crier.get_action('{action}')")).await;
    let target = one.session.text("SELECT id FROM crier.post_target").await;
    for call in [
        format!("SELECT crier.act('{}', 'follow', 'carol.test')", one.account),
        format!("SELECT crier.resolve_action('{action}', 'done')"),
        format!("SELECT crier.delete_published('{target}')"),
        format!("SELECT crier.read_metrics('{target}')"),
        format!("SELECT crier.create_post('{}', 'x', ARRAY['{}'::uuid])", one.workspace, one.account),
        format!("SELECT crier.cancel_post('{}')", one.post),
        format!("SELECT crier.enqueue('k', workspace_id => '{}')", one.workspace),
    ] {
        let refusal = two.session.refusal(&call).await;
        assert_eq!((refusal.code.as_str(), refusal.hint.is_empty()), ("42501", false), "{call}: {refusal}");
    }
}

#[tokio::test]
async fn an_application_can_not_do_a_workers_work() {
    let (_superuser, one, _) = tenants().await;
    let id = one.account;
    for call in [
        "SELECT * FROM crier.claim_jobs('w')".to_owned(),
        "SELECT crier.complete_jobs('{}', '{}')".into(),
        "SELECT * FROM crier.fail_jobs('{}', '{}', '{}', '{}')".into(),
        "SELECT * FROM crier.snooze_jobs('{}', '{}', '{}')".into(),
        "SELECT * FROM crier.extend_jobs('{}', '{}', '1 minute')".into(),
        format!("SELECT * FROM crier.start_target('{id}', 1)"),
        format!("SELECT crier.save_prepared('{id}', 1, '{{}}')"),
        format!("SELECT * FROM crier.record_intent('{id}', 1, 'key', 'request')"),
        format!("SELECT crier.withdraw_intent('{id}', 1)"),
        format!("SELECT * FROM crier.taken_posts('{id}', '{{}}')"),
        format!("SELECT * FROM crier.start_action('{id}', 1)"),
        format!("SELECT crier.record_sending('{id}', 1)"),
        format!("SELECT crier.report_action('{id}', 1, 'done')"),
        format!("SELECT * FROM crier.start_reading('{id}', 1)"),
        format!("SELECT crier.report_metrics('{id}', 1, 'done')"),
        "SELECT crier.cleanup_old_actions()".into(),
        "SELECT * FROM crier.report_targets('{}', '{}', '{}', '{}')".into(),
        format!("SELECT crier.store_credential('{id}', 1, '\\x00')"),
        format!("SELECT * FROM crier.get_credential('{id}')"),
        format!("SELECT * FROM crier.begin_sealing('{}')", one.workspace),
        format!("SELECT crier.add_data_key('{id}', '{}', '\\x00')", one.workspace),
        format!("SELECT * FROM crier.get_data_key('{id}')"),
        "SELECT * FROM crier.list_data_keys(1)".into(),
        format!("SELECT crier.rewrap_data_key('{id}', '\\x00', '\\x00')"),
        "SELECT * FROM crier.list_sealed('credential.sealed')".into(),
        format!("SELECT crier.reseal('credential.sealed', '{}', '{id}', 1, '\\x00', '\\x00')", one.workspace),
        "SELECT * FROM crier.key_usage()".into(),
        "SELECT * FROM crier.data_key".into(),
        "SELECT * FROM crier.take_oauth_state('ticket', sha256('x'))".into(),
        format!("SELECT crier.keep_oauth_state('{id}', '{id}', 'login', sha256('x'), '\\x00')"),
        format!("SELECT crier.end_oauth_state('{id}', '{id}')"),
        format!("SELECT crier.release_app_registration('{id}', 1)"),
        "SELECT * FROM crier.get_app_registration('mastodon', 's', 'r')".into(),
        "SELECT * FROM crier.begin_app_registration('mastodon', 's', 'r')".into(),
        format!("SELECT crier.store_app_registration('{id}', 1, '\\x00')"),
        format!("SELECT crier.note_app_registration('{id}', 1, true)"),
        "SELECT crier.cleanup_expired_oauth_states_batch()".into(),
        format!("SELECT crier.begin_refresh('{id}', 1)"),
        format!("SELECT crier.fail_refresh('{id}', 1, 1, 'transient', '{{}}')"),
        "SELECT crier.find_api_key(sha256('x'))".into(),
        format!("SELECT crier.use_api_key('{id}')"),
        "SELECT crier.cleanup_idempotency_keys()".into(),
        "SELECT crier.ensure_partitions()".into(),
        "SELECT crier.checkpoint_queue()".into(),
        "SELECT * FROM crier.run_maintenance()".into(),
        "SELECT crier.drop_old_days()".into(),
        "SELECT crier.drop_day('20260101')".into(),
        "SELECT crier.cleanup_finished_jobs()".into(),
        "SELECT crier.cleanup_by_age('x', 'post', 'created_at', 'keep_events', 1, 1, 0)".into(),
        "SELECT crier.expire_pending_jobs()".into(),
        "SELECT crier.retry_failed_jobs()".into(),
        "SELECT * FROM crier.stuck_jobs()".into(),
        "SELECT * FROM crier.dead_letters".into(),
        "UPDATE crier.maintenance_setting SET value = '1 second'".into(),
        "UPDATE crier.tenant_limit SET max = NULL".into(),
        "INSERT INTO crier.job_kind (kind) VALUES ('mine')".into(),
        "SELECT * FROM crier.migrate()".into(),
        "SELECT crier.adopt_database()".into(),
        format!("INSERT INTO crier.event (workspace_id, id, kind) VALUES ('{}', '{id}', 'x')", one.workspace),
        "UPDATE crier.post SET content = 'x'".into(),
        "DELETE FROM crier.job".into(),
    ] {
        assert_eq!(one.session.refusal(&call).await.code, "42501", "{call}");
    }
}

#[tokio::test]
async fn a_role_without_any_membership_can_do_nothing() {
    let database = Database::shared().await;
    let superuser = database.connect().await;
    superuser.run("CREATE ROLE outsider LOGIN").await;
    let outsider = database.connect_as("outsider").await;
    for call in [
        "SELECT crier.version()",
        "SELECT crier.enqueue('k')",
        "SELECT * FROM crier.status()",
        "SELECT * FROM crier.posts",
    ] {
        assert_eq!(outsider.refusal(call).await.code, "42501", "{call}");
    }
}

#[tokio::test]
async fn an_identity_that_is_none_is_refused() {
    let (_superuser, one, _) = tenants().await;
    for (setting, value) in
        [("crier.user_id", "nobody"), ("request.jwt.claims", "{"), ("request.jwt.claims", "{\"sub\": \"x\"}")]
    {
        one.session.run("RESET crier.user_id").await;
        one.session.rows("SELECT set_config($1, $2, false)", &[&setting, &value]).await;
        let refusal = one.session.refusal("SELECT count(*) FROM crier.posts").await;
        assert_eq!(
            (refusal.code.as_str(), refusal.hint.is_empty()),
            ("22023", false),
            "{setting} = {value}: {refusal}"
        );
        one.session.rows("SELECT set_config($1, '', false)", &[&setting]).await;
    }
}
