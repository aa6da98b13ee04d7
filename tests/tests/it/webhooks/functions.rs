//! The SQL functions by themselves: who may do what, what they refuse, what a tenant sees.

use crier_tests::cluster::Database;
use crier_tests::session::Session;
use crier_tests::stage::{create_workspace, dummy_account};
use serde_json::Value;
use uuid::Uuid;

/// Two tenants with an account and a webhook each, and a webhook of nobody's.
struct Tenants {
    sql: Session,
    app: Session,
    owner: Uuid,
    one: Uuid,
    two: Uuid,
    hooks: [Uuid; 3],
}

impl Tenants {
    async fn new() -> Self {
        let database = Database::shared().await;
        let sql = database.connect().await;
        let owner = Uuid::new_v4();
        let one: Uuid = sql.value("SELECT crier.create_workspace('one', $1)", &[&owner]).await;
        let two = create_workspace(&sql).await;
        let role = format!("hooks_{}", Uuid::new_v4().simple());
        sql.run(&format!("CREATE ROLE {role} LOGIN IN ROLE crier_app")).await;
        let app = database.connect_as(&role).await;
        app.run(&format!("SET crier.user_id = '{owner}'")).await;
        for (workspace, name) in [(one, "one"), (two, "two")] {
            let account = dummy_account(&sql, workspace, name).await;
            sql.rows("UPDATE crier.social_account SET external_id = $2 WHERE id = $1", &[&account, &name])
                .await;
        }
        for name in ["one", "two", "nobody"] {
            receive(&sql, name, name).await;
        }
        let hooks: Vec<Uuid> = sql.column("SELECT id FROM crier.webhooks ORDER BY id", &[]).await;
        Self { sql, app, owner, one, two, hooks: hooks.try_into().expect("three webhooks") }
    }
}

/// Receives a delivery about a Bluesky account; whether it was there before.
async fn receive(sql: &Session, key: &str, account: &str) -> bool {
    let receive = "SELECT duplicate FROM crier.receive_webhook('bluesky', $1, '{}', '{bluesky}', ARRAY[$2], \
                   ARRAY[jsonb_build_object('canary', $2)::text])";
    sql.value(receive, &[&key, &account]).await
}

/// Claims the next job of a webhook.
async fn claim(sql: &Session) -> (Uuid, i64) {
    let row =
        sql.row("SELECT job_id, token FROM crier.claim_jobs('t', kinds => '{process_webhook}')", &[]).await;
    (row.get(0), row.get(1))
}

#[tokio::test]
async fn a_tenant_sees_its_own_and_no_trace_of_others() {
    let tenants = Tenants::new().await;
    let listed = tenants.app.text("SELECT items FROM crier.list_webhooks()").await;
    let items: Value = listed.parse().expect("JSON");
    assert_eq!(items.as_array().map(Vec::len), Some(1), "{items}");
    assert_eq!(items[0]["payload"]["canary"], "one");
    for view in ["webhooks", "webhook_event"] {
        let ids = tenants.app.text(&format!("SELECT id FROM crier.{view}")).await;
        assert_eq!(ids, tenants.hooks[0].to_string(), "crier.{view}");
    }
    assert_eq!(tenants.app.refusal("SELECT * FROM crier.webhook_delivery").await.code, "42501");
    assert_eq!(tenants.app.refusal("SELECT * FROM crier.webhook_intake").await.code, "42501");
    // what belongs to another, to nobody, and to no row at all is refused alike
    let mut answers = Vec::new();
    for id in [tenants.hooks[1], tenants.hooks[2], Uuid::new_v4()] {
        let refusal = tenants.app.refusal(&format!("SELECT crier.replay_webhook('{id}')")).await;
        answers.push((
            refusal.code,
            refusal.message.replace(&id.to_string(), "…"),
            refusal.detail,
            refusal.hint,
        ));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers[0].0, "P0002");
    for call in [
        format!("SELECT * FROM crier.list_webhooks(p_workspace_id => '{}')", tenants.two),
        format!("SELECT * FROM crier.replay_webhooks('-infinity', p_workspace_id => '{}')", tenants.two),
    ] {
        assert_eq!(tenants.app.refusal(&call).await.code, "P0002", "{call}");
    }
    // all that the caller decides about: one
    let replayed = tenants.app.text("SELECT * FROM crier.replay_webhooks('-infinity')").await;
    assert_eq!(replayed, tenants.hooks[0].to_string());
    assert_eq!(tenants.sql.text("SELECT count(*) FROM crier.replay_webhooks('-infinity')").await, "3");
    // jobs and events of others are not seen either
    assert_eq!(tenants.app.text("SELECT count(*) FROM crier.jobs WHERE kind = 'process_webhook'").await, "1");
}

#[tokio::test]
async fn only_admins_replay_and_only_workers_process() {
    let tenants = Tenants::new().await;
    let replay = format!("SELECT crier.replay_webhook('{}')", tenants.hooks[0]);
    for (role, may) in [("viewer", false), ("editor", false), ("admin", true), ("owner", true)] {
        let set = "UPDATE crier.workspace_member SET role = $1 WHERE workspace_id = $2 AND user_id = $3";
        tenants.sql.rows(set, &[&role, &tenants.one, &tenants.owner]).await;
        match tenants.app.try_text(&replay).await {
            Ok(_) => assert!(may, "{role}"),
            Err(refusal) => assert_eq!((refusal.code.as_str(), may), ("42501", false), "{role}: {refusal}"),
        }
    }
    let id = tenants.hooks[0];
    for call in [
        "SELECT * FROM crier.receive_webhook('x', 'k', '{}', '{x}', '{1}', '{\"{}\"}')".to_owned(),
        format!("SELECT * FROM crier.start_webhook('{id}', 1)"),
        format!("SELECT crier.report_webhook('{id}', 1, 'done')"),
        "SELECT crier.cleanup_old_webhook_events()".into(),
        format!(
            "SELECT crier.enqueue('process_webhook', '{{\"webhook_id\": \"{}\"}}', workspace_id => '{}')",
            tenants.hooks[1], tenants.one
        ),
        "DELETE FROM crier.webhook_event".into(),
    ] {
        assert_eq!(tenants.app.refusal(&call).await.code, "42501", "{call}");
    }
}

#[tokio::test]
async fn a_job_processes_nothing_of_another_workspace() {
    let tenants = Tenants::new().await;
    tenants.sql.run("SELECT crier.cancel_jobs(ARRAY(SELECT id FROM crier.jobs))").await;
    let forge = "SELECT crier.enqueue('process_webhook', jsonb_build_object('webhook_id', $1::text), workspace_id => $2)";
    for (hook, workspace) in [
        (tenants.hooks[1].to_string(), Some(tenants.one)),
        (tenants.hooks[1].to_string(), None),
        (tenants.hooks[2].to_string(), Some(tenants.one)),
        ("nonsense".into(), Some(tenants.one)),
    ] {
        let job: Uuid = tenants.sql.value(forge, &[&hook, &workspace]).await;
        let (claimed, token) = claim(&tenants.sql).await;
        assert_eq!(claimed, job);
        let report = "SELECT crier.report_webhook($1, $2, 'done', '{x}', now())";
        let state: Option<String> = tenants.sql.value(report, &[&job, &token]).await;
        assert_eq!(state.as_deref(), Some("canceled"), "{hook} of {workspace:?}");
    }
    assert_eq!(tenants.sql.text("SELECT count(processed_at) FROM crier.webhooks").await, "0");
    assert_eq!(tenants.sql.text("SELECT count(*) FROM crier.accounts WHERE status <> 'active'").await, "0");
}

#[tokio::test]
async fn a_stale_token_reports_nothing() {
    let tenants = Tenants::new().await;
    let (job, token) = claim(&tenants.sql).await;
    let report = "SELECT crier.report_webhook($1, $2, 'done', '{x}', now())";
    for stale in [token - 1, 0, i64::MAX] {
        let state: Option<String> = tenants.sql.value(report, &[&job, &stale]).await;
        assert_eq!(state, None);
    }
    // the lease ran out and somebody else has the job
    crier_tests::backdoor::lapse_leases(&tenants.sql).await;
    let mut taken = 0;
    while claim(&tenants.sql).await.0 != job {
        taken += 1;
        assert!(taken < 3, "expected the job to be handed out again");
    }
    let state: Option<String> = tenants.sql.value(report, &[&job, &token]).await;
    assert_eq!(state, None);
    assert_eq!(
        tenants.sql.text("SELECT count(*) FROM crier.events WHERE kind = 'webhook_received'").await,
        "0"
    );
    // of another kind of job
    let other: Uuid = tenants.sql.value("SELECT crier.enqueue('k')", &[]).await;
    let row = tenants.sql.row("SELECT job_id, token FROM crier.claim_jobs('t', kinds => '{k}')", &[]).await;
    assert_eq!(row.get::<_, Uuid>(0), other);
    let state: Option<String> = tenants.sql.value(report, &[&other, &row.get::<_, i64>(1)]).await;
    assert_eq!(state, None);
}

#[tokio::test]
async fn bad_input_is_refused_with_a_reason() {
    let sql = Database::shared().await.connect().await;
    let long = "x".repeat(400);
    let parts = |n: usize| {
        format!(
            "array_fill('x'::text, ARRAY[{n}]), array_fill('1'::text, ARRAY[{n}]), array_fill('{{}}'::text, ARRAY[{n}])"
        )
    };
    for (call, code) in [
        ("receive_webhook(NULL, 'k', '{}', '{x}', '{1}', '{\"1\"}')".to_owned(), "22004"),
        ("receive_webhook('x', NULL, '{}', '{x}', '{1}', '{\"1\"}')".into(), "22004"),
        ("receive_webhook('x', 'k', NULL, '{x}', '{1}', '{\"1\"}')".into(), "22004"),
        ("receive_webhook('x', 'k', '{}', NULL, '{1}', '{\"1\"}')".into(), "22004"),
        ("receive_webhook('x', 'k', '{}', '{x}', NULL, '{\"1\"}')".into(), "22004"),
        ("receive_webhook('x', 'k', '{}', '{x}', '{1}', NULL)".into(), "22004"),
        ("receive_webhook('x', 'k', '{}', '{NULL}', '{1}', '{\"1\"}')".into(), "22023"),
        ("receive_webhook('x', 'k', '{}', '{x}', '{1}', '{NULL}')".into(), "22023"),
        ("receive_webhook('x', 'k', '[]', '{x}', '{1}', '{\"1\"}')".into(), "22023"),
        ("receive_webhook('x', 'k', '{}', '{}', '{}', '{}')".into(), "22023"),
        ("receive_webhook('x', 'k', '{}', '{x}', '{1,2}', '{\"1\"}')".into(), "22023"),
        ("receive_webhook('x', 'k', '{}', '{x}', '{1}', '{\"not json\"}')".into(), "22P02"),
        ("receive_webhook('', 'k', '{}', '{x}', '{1}', '{\"1\"}')".into(), "22023"),
        (format!("receive_webhook('x', '{long}', '{{}}', '{{x}}', '{{1}}', '{{\"1\"}}')"), "54000"),
        (format!("receive_webhook('x', 'k', '{{}}', {})", parts(1_001)), "54000"),
        (
            "receive_webhook('x', 'k', '{}', '{x}', '{1}', ARRAY[to_jsonb(repeat('x', 5000000))::text])"
                .into(),
            "54000",
        ),
        ("start_webhook(NULL, 1)".into(), "22004"),
        ("start_webhook(crier.new_id(), NULL)".into(), "22004"),
        ("report_webhook(crier.new_id(), 1, NULL)".into(), "22004"),
        ("report_webhook(crier.new_id(), 1, 'nonsense')".into(), "22023"),
        ("report_webhook(crier.new_id(), 1, 'done', '{NULL}')".into(), "22023"),
        (format!("report_webhook(crier.new_id(), 1, 'done', '{{{long}}}')"), "54000"),
        (
            "report_webhook(crier.new_id(), 1, 'done', p_publish_ids => array_fill('x'::text, ARRAY[101]))"
                .into(),
            "54000",
        ),
        ("replay_webhook(NULL)".into(), "22004"),
        ("replay_webhook(crier.new_id())".into(), "P0002"),
        ("replay_webhooks(NULL)".into(), "22004"),
        ("replay_webhooks(now(), p_limit => 0)".into(), "22023"),
        ("replay_webhooks(now(), p_limit => NULL)".into(), "22004"),
        ("list_webhooks(p_limit => 0)".into(), "22023"),
        ("list_webhooks('nonsense')".into(), "22023"),
        ("list_webhooks(p_workspace_id => crier.new_id())".into(), "00000"),
        ("cleanup_old_webhook_events(0)".into(), "22023"),
    ] {
        let found = sql.try_text(&format!("SELECT * FROM crier.{call}")).await;
        let found = found.err().map_or_else(|| "00000".to_owned(), |refusal| refusal.code);
        assert_eq!(found, code, "{}", call.chars().take(120).collect::<String>());
    }
    assert_eq!(sql.text("SELECT count(*) FROM crier.webhook_delivery").await, "0");
    for times in ["'infinity'", "'-infinity', 'infinity'", "'infinity', '-infinity'"] {
        assert_eq!(sql.text(&format!("SELECT count(*) FROM crier.replay_webhooks({times})")).await, "0");
    }
}

#[tokio::test]
async fn the_list_goes_page_by_page_under_filters() {
    let tenants = Tenants::new().await;
    for number in 0..25 {
        assert!(!receive(&tenants.sql, &format!("more {number}"), "one").await);
    }
    assert!(receive(&tenants.sql, "more 3", "one").await, "expected it to be known");
    let mut seen = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = "SELECT items, next_cursor FROM crier.list_webhooks($1, 10, p_platform => 'bluesky', p_processed => false)";
        let row = tenants.app.row(page, &[&cursor]).await;
        let items: Value = row.get(0);
        seen.extend(
            items.as_array().into_iter().flatten().map(|item| item["id"].as_str().unwrap_or("").to_owned()),
        );
        cursor = row.get(1);
        if cursor.is_none() {
            break;
        }
    }
    let mut sorted = seen.clone();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.reverse();
    assert_eq!((seen.len(), &seen), (26, &sorted), "expected each once, the newest first");
    let count = async |filter: &str| {
        tenants
            .sql
            .text(&format!("SELECT jsonb_array_length(items) FROM crier.list_webhooks({filter})"))
            .await
    };
    assert_eq!(count("").await, "28");
    assert_eq!(count("p_platform => 'x'").await, "0");
    assert_eq!(count("p_processed => true").await, "0");
    assert_eq!(count("p_kind => 'x'").await, "0");
    assert_eq!(count("p_until => now() - interval '1 hour'").await, "0");
    let (job, token) = claim(&tenants.sql).await;
    tenants.sql.rows("SELECT crier.report_webhook($1, $2, 'done', '{x,y}')", &[&job, &token]).await;
    assert_eq!((count("p_processed => true").await, count("p_kind => 'x'").await), ("1".into(), "1".into()));
    let view = "SELECT received, of_no_account, waiting FROM crier.webhook_intake";
    assert_eq!(tenants.sql.text(view).await, "28|1|27");
}

#[tokio::test]
async fn what_is_a_month_old_goes() {
    let tenants = Tenants::new().await;
    let age = "UPDATE crier.webhook_event SET received_at = now() - interval '31 days' WHERE id <> $1";
    tenants.sql.rows(age, &[&tenants.hooks[0]]).await;
    tenants.sql.run("UPDATE crier.webhook_delivery SET received_at = now() - interval '31 days' WHERE delivery_key <> 'one'").await;
    let event = "INSERT INTO crier.event (workspace_id, id, kind, created_at) VALUES ($1, crier.new_id(), $2, now() - $3::text::interval)";
    for (kind, age) in
        [("webhook_received", "31 days"), ("webhook_received", "29 days"), ("post_published", "31 days")]
    {
        tenants.sql.rows(event, &[&tenants.one, &kind, &age]).await;
    }
    let ran = "SELECT task, did ->> 'deleted', did ->> 'events', error FROM crier.run_maintenance(p_tasks => '{cleanup_old_webhook_events}')";
    assert_eq!(tenants.sql.text(ran).await, "cleanup_old_webhook_events|4|1|∅");
    assert_eq!(tenants.sql.text("SELECT id FROM crier.webhooks").await, tenants.hooks[0].to_string());
    assert!(receive(&tenants.sql, "one", "one").await && !receive(&tenants.sql, "two", "two").await);
    // what was to be processed and is gone is canceled
    let mut states = Vec::new();
    for _ in 0..2 {
        let (job, token) = claim(&tenants.sql).await;
        let rows = tenants.sql.rows("SELECT * FROM crier.start_webhook($1, $2)", &[&job, &token]).await;
        let state = tenants.sql.text(&format!("SELECT state FROM crier.jobs WHERE id = '{job}'")).await;
        states.push((rows.len(), state));
    }
    states.sort();
    assert_eq!(states, [(0, "canceled".to_owned()), (1, "running".to_owned())]);
    // in small batches it comes to an end too
    tenants.sql.run("UPDATE crier.webhook_event SET received_at = '-infinity'; UPDATE crier.webhook_delivery SET received_at = '-infinity'").await;
    let mut calls = 0;
    while tenants.sql.text("SELECT crier.cleanup_old_webhook_events(1, 1, 1) ->> 'more'").await == "true" {
        calls += 1;
        assert!(calls < 50, "it does not come to an end");
    }
    assert_eq!(tenants.sql.text("SELECT count(*) FROM crier.webhook_delivery").await, "0");
}

#[tokio::test]
async fn a_workspace_hears_of_an_account_as_long_as_its_own_grant_lasts() {
    let tenants = Tenants::new().await;
    let both = "UPDATE crier.social_account SET external_id = 'both'";
    tenants.sql.run(both).await;
    let heard = async |key: &str| {
        let before = "SELECT count(*) FROM crier.webhooks";
        let before: i64 = tenants.sql.value(before, &[]).await;
        receive(&tenants.sql, key, "both").await;
        let new = "SELECT coalesce(w.name, 'nobody') FROM crier.webhooks h LEFT JOIN crier.workspace w ON w.id = h.workspace_id \
                   ORDER BY h.id OFFSET $1";
        let mut names: Vec<String> = tenants.sql.column(new, &[&before]).await;
        names.sort();
        names.join(" ")
    };
    let name = format!("UPDATE crier.workspace SET name = 'two' WHERE id = '{}'", tenants.two);
    tenants.sql.run(&name).await;
    assert_eq!(heard("active").await, "one two");
    for (status, expected) in [("paused", "one two"), ("reauth_required", "two"), ("disconnected", "two")] {
        let set = "UPDATE crier.social_account SET status = $2 WHERE workspace_id = $1";
        tenants.sql.rows(set, &[&tenants.one, &status]).await;
        assert_eq!(heard(status).await, expected, "{status}");
    }
    let delete = "SELECT crier.delete_workspace($1)";
    tenants.sql.rows(delete, &[&tenants.two]).await;
    assert_eq!(heard("deleted").await, "nobody");
    tenants.sql.run("UPDATE crier.social_account SET status = 'active'").await;
    assert_eq!(heard("connected again").await, "one");
}

#[tokio::test]
async fn a_workspace_takes_its_webhooks_along() {
    let tenants = Tenants::new().await;
    tenants.sql.run(&format!("DELETE FROM crier.workspace WHERE id = '{}'", tenants.two)).await;
    assert_eq!(tenants.sql.text("SELECT count(*) FROM crier.webhooks").await, "2");
    assert!(receive(&tenants.sql, "two", "two").await, "expected the delivery to be known still");
    // one that is deleted is no longer filled while its rows go, and comes to its end
    tenants.sql.rows("SELECT crier.delete_workspace($1)", &[&tenants.one]).await;
    receive(&tenants.sql, "after", "one").await;
    let of_it = format!("SELECT count(*) FROM crier.webhook_event WHERE workspace_id = '{}'", tenants.one);
    assert_eq!(tenants.sql.text(&of_it).await, "1");
    tenants
        .sql
        .run("UPDATE crier.stat_state SET closed_until = clock_timestamp() + interval '1 second'")
        .await;
    let purge = "SELECT crier.purge_workspaces(p_max_ms => 60000) ->> 'workspaces'";
    assert_eq!(tenants.sql.text(purge).await, "1");
}

#[tokio::test]
async fn without_the_key_a_delivery_is_stored_again() {
    // the control of all that is here about duplicates
    let tenants = Tenants::new().await;
    tenants.sql.run("DELETE FROM crier.webhook_delivery").await;
    assert!(!receive(&tenants.sql, "one", "one").await);
    assert_eq!(tenants.sql.text("SELECT count(*) FROM crier.webhooks").await, "4");
}
