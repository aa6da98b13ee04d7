//! Who decides about endpoints.

use crier_tests::session::Session;
use crier_tests::stage::{create_workspace, dummy_sealed};
use crier_tests::wait::wait_until;
use uuid::Uuid;

use super::Alarm;

fn sealed() -> String {
    let hex: String = dummy_sealed().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("'\\x{hex}'::bytea")
}

fn add(id: Uuid, workspace: &str) -> String {
    format!("SELECT crier.add_alert_endpoint('{id}', 'https://alerts.example/', {}, {workspace})", sealed())
}

/// A session for each role in the workspace, and a stranger's.
async fn members(alarm: &Alarm) -> Vec<(&'static str, Session)> {
    let role = format!("alerts_{}", Uuid::new_v4().simple());
    alarm.sql.run(&format!("CREATE ROLE {role} LOGIN IN ROLE crier_app")).await;
    let mut sessions = Vec::new();
    for name in ["owner", "admin", "editor", "viewer", "stranger"] {
        let (session, user) = (alarm.database.connect_as(&role).await, Uuid::new_v4());
        session.run(&format!("SET crier.user_id = '{user}'")).await;
        if name != "stranger" {
            let member = "INSERT INTO crier.workspace_member VALUES ($1, $2, $3)";
            alarm.sql.rows(member, &[&alarm.workspace, &user, &name]).await;
        }
        sessions.push((name, session));
    }
    sessions
}

#[tokio::test]
async fn owners_and_admins_decide_and_nobody_else() {
    let alarm = Alarm::new().await;
    let workspace = format!("'{}'", alarm.workspace);
    let (operators, theirs) = (Uuid::new_v4(), Uuid::new_v4());
    alarm.sql.run(&add(operators, "NULL")).await;
    let elsewhere = create_workspace(&alarm.sql).await;
    alarm.sql.run(&add(theirs, &format!("'{elsewhere}'"))).await;
    for (name, session) in members(&alarm).await {
        let id = Uuid::new_v4();
        let calls = |id: Uuid| {
            [
                format!("SELECT crier.enable_alert_endpoint('{id}', false)"),
                format!("SELECT crier.remove_alert_endpoint('{id}')"),
            ]
        };
        let list = format!("SELECT id FROM crier.list_alert_endpoints({workspace})");
        if ["owner", "admin"].contains(&name) {
            alarm.sql.run(&add(id, &workspace)).await;
            for list in [&list, "SELECT id FROM crier.list_alert_endpoints()"] {
                assert_eq!(session.text(list).await, id.to_string(), "{name}");
            }
            for call in calls(id) {
                session.text(&call).await;
            }
            assert_eq!(session.text(&list).await, "", "{name}");
        } else {
            alarm.sql.run(&add(id, &workspace)).await;
            let code = if name == "stranger" { "P0002" } else { "42501" };
            for call in calls(id).into_iter().chain([list.clone()]) {
                let refusal = session.refusal(&call).await;
                assert_eq!(
                    (refusal.code.as_str(), refusal.hint.is_empty()),
                    (code, false),
                    "{name} {call}: {refusal}"
                );
            }
            assert_eq!(
                session.text("SELECT count(*) FROM crier.list_alert_endpoints()").await,
                "0",
                "{name}"
            );
            alarm.sql.run(&format!("SELECT crier.remove_alert_endpoint('{id}')")).await;
        }
        // the operator's, another tenant's and none at all look the same
        let none = Uuid::new_v4();
        let seen = async |id: Uuid, call: usize| {
            let refusal = session.refusal(&calls(id)[call]).await;
            (refusal.code, refusal.message.replace(&id.to_string(), "…"), refusal.detail, refusal.hint)
        };
        for call in 0..2 {
            let expected = seen(none, call).await;
            assert_eq!(expected.0, "P0002", "{name}");
            for id in [operators, theirs] {
                assert_eq!(seen(id, call).await, expected, "{name}");
            }
        }
        // adding one takes a secret that is sealed, which is crierd's to do; that an id is taken tells nobody anything
        for (id, whose) in [(Uuid::new_v4(), "NULL"), (Uuid::new_v4(), &workspace), (theirs, &workspace)] {
            let refusal = session.refusal(&add(id, whose)).await;
            assert_eq!(
                (refusal.code.as_str(), refusal.message.contains("permission denied for function")),
                ("42501", true),
                "{name}: {refusal}"
            );
        }
    }
    assert_eq!(alarm.sql.text("SELECT count(*) FROM crier.list_alert_endpoints()").await, "2");
}

#[tokio::test]
async fn an_editor_keeps_nobody_from_hearing_of_it() {
    let alarm = Alarm::new().await;
    alarm.sql.run(&add(Uuid::new_v4(), &format!("'{}'", alarm.workspace))).await;
    let external = "UPDATE crier.social_account SET external_id = 'x' WHERE id = $1";
    alarm.sql.rows(external, &[&alarm.account]).await;
    let came = async |key: &str| {
        alarm.lose_post("content_invalid").await;
        let receive = "SELECT crier.receive_webhook('bluesky', $1, '{}', '{bluesky}', '{x}', '{\"{}\"}')";
        alarm.sql.rows(receive, &[&key]).await;
        let jobs = "SELECT array_agg(id)::text FROM crier.jobs WHERE kind IN ('deliver_alert', 'process_webhook') \
                    AND state IN ('pending', 'failed', 'retrying')";
        alarm.sql.text(jobs).await
    };
    for (name, session) in members(&alarm).await {
        let jobs = came(name).await;
        let may = if ["owner", "admin"].contains(&name) { "2" } else { "0" };
        let call = |function: &str| format!("SELECT count(*) FROM crier.{function}('{jobs}')");
        assert_eq!(session.text(&call("cancel_jobs")).await, may, "{name}");
        alarm.sql.text(&call("cancel_jobs")).await;
        let jobs = came(&format!("{name} again")).await;
        let call = |function: &str| format!("SELECT count(*) FROM crier.{function}('{jobs}')");
        let fail = "SELECT count(*) FROM (SELECT array_agg(job_id) AS ids, array_agg(token) AS tokens, \
                        array_agg('content_invalid'::text) AS classes, array_agg('{}'::jsonb) AS errors \
                    FROM crier.claim_jobs('t', 10, kinds => '{deliver_alert,process_webhook}')) c, \
                    LATERAL crier.fail_jobs(c.ids, c.tokens, c.classes, c.errors)";
        assert_eq!(alarm.sql.text(fail).await, "2");
        assert_eq!(session.text(&call("retry_jobs")).await, may, "{name}");
        alarm.sql.text(&call("retry_jobs")).await;
        assert_eq!(alarm.sql.text(fail).await, "2");
        assert_eq!(session.text(&call("purge_jobs")).await, may, "{name}");
        alarm.sql.text(&call("purge_jobs")).await;
    }
    // the control: work of other kinds is an editor's
    let (_, editor) = members(&alarm).await.remove(2);
    let job = editor.text(&format!("SELECT crier.enqueue('k', workspace_id => '{}')", alarm.workspace)).await;
    assert_eq!(
        editor.text(&format!("SELECT count(*) FROM crier.cancel_jobs(ARRAY['{job}'::uuid])")).await,
        "1"
    );
}

#[tokio::test]
async fn an_application_reads_no_endpoint_and_delivers_nothing() {
    let alarm = Alarm::new().await;
    let id = Uuid::new_v4();
    alarm.sql.run(&add(id, &format!("'{}'", alarm.workspace))).await;
    alarm.lose_post("content_invalid").await;
    let (name, owner) = members(&alarm).await.remove(0);
    assert_eq!(name, "owner");
    for call in [
        "TABLE crier.alert_endpoint".to_owned(),
        "TABLE crier.alert_told".into(),
        "TABLE crier.alert_state".into(),
        format!("UPDATE crier.alert_endpoint SET url = 'https://x/' WHERE id = '{id}'"),
        format!("SELECT * FROM crier.get_alert_endpoint('{id}')"),
        format!("SELECT * FROM crier.start_alert('{id}', 1)"),
        format!("SELECT crier.report_alert('{id}', 1, 'delivered')"),
        "SELECT crier.raise_alert('threshold.begun', 'x', '{}')".into(),
        "SELECT crier.check_alerts()".into(),
        format!("SELECT crier.enqueue('deliver_alert', '{{\"endpoint_id\": \"{id}\"}}', workspace_id => '{}')", alarm.workspace),
        format!("SELECT crier.enqueue_many('[{{\"kind\": \"deliver_alert\", \"workspace_id\": \"{}\"}}]')", alarm.workspace),
        "SELECT * FROM crier.find_or_create_job(current_setting('crier.user_id')::uuid, 'deliver_alert', '{}')".into(),
    ] {
        let refusal = owner.refusal(&call).await;
        assert_eq!(refusal.code, "42501", "{call}: {refusal}");
    }
    // what they are told of is theirs to see, where it goes is not
    let params = owner.text("SELECT params FROM crier.jobs WHERE kind = 'deliver_alert'").await;
    assert!(params.contains("post.failed") && !params.contains("alerts.example"), "{params}");
    let worker = alarm.database.connect_as(crier_tests::cluster::SIDECAR_ROLE).await;
    assert_eq!(worker.refusal("SELECT crier.raise_alert('threshold.begun', 'x', '{}')").await.code, "42501");
    assert_eq!(worker.refusal("TABLE crier.alert_endpoint").await.code, "42501");
    worker.text(&format!("SELECT * FROM crier.get_alert_endpoint('{id}')")).await;
}

#[tokio::test]
async fn twenty_are_twenty_however_many_add_one_at_once() {
    let alarm = Alarm::new().await;
    for workspace in [format!("'{}'", alarm.workspace), "NULL".to_owned()] {
        for _ in 0..19 {
            alarm.sql.run(&add(Uuid::new_v4(), &workspace)).await;
        }
        let (first, second, third) =
            (alarm.database.connect().await, alarm.database.connect().await, alarm.database.connect().await);
        first.run("BEGIN").await;
        first.run(&add(Uuid::new_v4(), &workspace)).await;
        // one that sees what there was before all of this counts what there is now
        third.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM crier.alert_endpoint").await;
        let late = add(Uuid::new_v4(), &workspace);
        let (refusal, ()) = tokio::join!(second.refusal(&late), async {
            let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'";
            wait_until("the second to wait", "1".to_owned(), async || alarm.sql.text(waiting).await).await;
            first.run("COMMIT").await;
        });
        assert_eq!(refusal.code, "22023", "{refusal}");
        assert!(refusal.message.contains("has 20 endpoints already"), "{refusal}");
        assert_eq!(third.refusal(&add(Uuid::new_v4(), &workspace)).await.code, "22023");
    }
    assert_eq!(alarm.sql.text("SELECT count(*) FROM crier.alert_endpoint").await, "40");
}

#[tokio::test]
async fn a_workspace_takes_its_endpoints_along() {
    let alarm = Alarm::new().await;
    alarm.sql.run(&add(Uuid::new_v4(), &format!("'{}'", alarm.workspace))).await;
    alarm.sql.run(&format!("DELETE FROM crier.workspace WHERE id = '{}'", alarm.workspace)).await;
    assert_eq!(alarm.sql.text("SELECT count(*) FROM crier.alert_endpoint").await, "0");
}
