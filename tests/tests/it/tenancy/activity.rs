//! The activity log: everything that somebody does is in it, with who did it and without what it says.

use std::collections::BTreeSet;

use crier_core::rights::{FOR_WORKERS, Role};
use crier_tests::cluster::Database;
use crier_tests::session::Session;
use serde_json::Value;
use uuid::Uuid;

use super::calls::CALLS;
use super::filled::Filled;
use super::{app_role, tenants};

/// What writes and is not in the log, and why.
const NOT_NOTED: [(&str, &str); 24] = [
    ("new_id", "does nothing"),
    ("accept_invitation", "owners have none; see below"),
    ("decline_invitation", "nobody's business"),
    ("status", "reads the memory of the queue"),
    ("enqueue", "work, not a decision: crier.jobs shows it"),
    ("enqueue_many", "the same"),
    ("find_or_create_job", "the same"),
    ("read_metrics", "the same"),
    ("record_action", "the same: what an account did elsewhere"),
    ("record_analytics", "what others did"),
    ("cache_get", "no decision"),
    ("cache_set", "no decision"),
    ("cache_begin", "no decision"),
    ("begin_idempotent", "what it is for is noted"),
    ("end_idempotent", "the same"),
    ("begin_connect", "a ticket: the account is connected later, and noted then"),
    ("confirm_connect", "the same"),
    ("check_rate_limit", "reads the memory of the queue"),
    ("rate_limit_status", "the same"),
    ("token_status", "no decision"),
    ("leave_workspace", "the only owner can't; see below"),
    ("resume_schedule", "the tenant's goes on already: nothing is done"),
    ("resume_account", "the same"),
    ("resolve_target", "the tenant's has no job any more: it is refused"),
];

/// In the order in which it happened: ids that several sessions make within a millisecond come in any.
async fn log(sql: &Session, workspace: Uuid) -> Vec<Value> {
    let rows = "SELECT to_jsonb(a) FROM crier.activity_log a WHERE a.workspace_id = $1 ORDER BY a.at, a.id";
    sql.column(rows, &[&workspace]).await
}

fn actions(rows: &[Value]) -> Vec<&str> {
    rows.iter().filter_map(|row| row["action"].as_str()).collect()
}

#[tokio::test]
async fn whatever_a_member_does_is_noted_without_what_it_says() {
    let database = Database::shared().await;
    let superuser = database.connect().await;
    let role = app_role(&superuser).await;
    let tenant = Filled::new(&database, &superuser, &role, "c4n4ry").await;
    for function in FOR_WORKERS {
        superuser.run(&format!("GRANT EXECUTE ON FUNCTION crier.{function} TO crier_app")).await;
    }
    let writing: BTreeSet<String> = superuser
        .column(
            "SELECT p.proname::text FROM pg_proc p WHERE p.pronamespace = 'crier'::regnamespace AND p.provolatile = 'v' \
             AND has_function_privilege('crier_app', p.oid, 'EXECUTE')",
            &[],
        )
        .await
        .into_iter()
        .collect();
    let exempt: BTreeSet<String> = NOT_NOTED.iter().map(|(name, _)| (*name).to_owned()).collect();
    let owner = tenant.members[3].1;
    let count = "SELECT count(*), count(*) FILTER (WHERE actor = 'user' AND user_id = current_setting('crier.user_id')::uuid), \
                 coalesce(string_agg(changes::text, ' '), '') FROM crier.activity_log \
                 WHERE id > (SELECT last FROM before)";
    superuser
        .run(&format!(
            "CREATE TABLE before (last uuid); \
             CREATE FUNCTION public.noted() RETURNS TABLE (n bigint, own bigint, said text) LANGUAGE sql SECURITY DEFINER AS $$ {count} $$; \
             GRANT EXECUTE ON FUNCTION public.noted TO PUBLIC; \
             INSERT INTO before SELECT id FROM crier.activity_log ORDER BY id DESC LIMIT 1"
        ))
        .await;
    let session = tenant.owner();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for (function, args) in CALLS.iter().filter(|(name, _)| writing.contains(*name)) {
        let args = tenant.named(&args.replace("SELF", &owner.to_string()));
        session.run("BEGIN").await;
        let answer = session.try_text(&format!("SELECT * FROM crier.{function}({args})")).await;
        let noted = if answer.is_ok() {
            session.text("SELECT n, own, said FROM public.noted()").await
        } else {
            String::new()
        };
        session.run("ROLLBACK").await;
        if exempt.contains(*function) {
            continue;
        }
        seen.insert(*function);
        match (answer, noted.split('|').collect::<Vec<_>>().as_slice()) {
            (Ok(_), [all, own, said]) if *all != "0" && all == own && !said.contains("c4n4ry") => {}
            (answer, noted) => wrong.push(format!("{function}({args}): {noted:?}, {answer:?}")),
        }
    }
    assert!(seen.len() > 35, "{seen:?}");
    assert_eq!(wrong, [] as [String; 0], "\n{}", wrong.join("\n"));
    assert_eq!(
        superuser.text("SELECT count(*) FROM crier.activity_log, before WHERE id > last").await,
        "0",
        "rolled back"
    );
}

#[tokio::test]
async fn what_workers_do_is_not_in_it() {
    let (superuser, one, _two) = tenants().await;
    let before = log(&superuser, one.workspace).await;
    assert_eq!(
        actions(&before),
        ["workspace_created", "account_connected", "credential_stored", "post_created"]
    );
    let (workspace, account) = (one.workspace, one.account);
    superuser.run("UPDATE crier.job_kind SET max_attempts = 1 WHERE kind = 'publish_post'").await;
    superuser
        .run(&format!(
            "SELECT crier.enqueue('k', workspace_id => '{workspace}') FROM generate_series(1, 3); \
             SELECT crier.complete_jobs(array_agg(job_id), array_agg(token)) FROM crier.claim_jobs('w', 2, kinds => '{{k}}'); \
             SELECT crier.fail_jobs(array_agg(job_id), array_agg(token), ARRAY['config'], ARRAY['{{}}'::jsonb]) FROM crier.claim_jobs('w', 2, kinds => '{{k}}'); \
             SELECT crier.record_intent(job_id, token, 'key', 'request') FROM crier.claim_jobs('w', 2, kinds => '{{publish_post}}') j, \
                 LATERAL crier.start_target(j.job_id, j.token) s"
        ))
        .await;
    // a token that is renewed, not a login
    let sealed: String =
        crier_tests::stage::dummy_sealed().iter().map(|byte| format!("{byte:02x}")).collect();
    let renew = format!("SELECT crier.store_credential('{account}', 2, '\\x{sealed}')");
    assert_eq!(superuser.text(&renew).await, "t");
    assert_eq!(log(&superuser, workspace).await, before);
}

#[tokio::test]
async fn it_says_who_did_it_and_in_whose_name() {
    let (superuser, one, two) = tenants().await;
    let (workspace, post) = (one.workspace, one.post);
    one.session.text(&format!("SELECT crier.cancel_post('{post}')")).await;
    superuser.run(&format!("SELECT crier.reschedule_post('{post}', now() + interval '2 days')")).await;
    superuser
        .run(&format!(
            "SET crier.user_id = '{}'; SELECT crier.delete_post('{post}'); RESET crier.user_id",
            two.user
        ))
        .await;
    one.session.text(&format!("SELECT crier.invite_member('{workspace}', '{}', 'editor')", two.user)).await;
    two.session.text(&format!("SELECT crier.accept_invitation('{workspace}')")).await;
    two.session.text(&format!("SELECT crier.leave_workspace('{workspace}')")).await;
    let rows = log(&superuser, workspace).await;
    let said: Vec<String> = rows[4..]
        .iter()
        .map(|row| {
            let user = row["user_id"]
                .as_str()
                .map_or("nobody", |id| if id == one.user.to_string() { "one" } else { "two" });
            format!(
                "{} {} {}",
                row["action"].as_str().unwrap_or_default(),
                row["actor"].as_str().unwrap_or_default(),
                user
            )
        })
        .collect();
    let expected = [
        "post_canceled user one",
        "post_rescheduled service nobody",
        "post_deleted service two",
        "member_invited user one",
        "member_joined user two",
        "member_left user two",
    ];
    assert_eq!(said, expected);
    assert!(rows[5]["changes"]["from"].is_string() && rows[5]["changes"]["to"].is_string(), "{}", rows[5]);
    assert_eq!(rows[8]["changes"], serde_json::json!({ "role": "editor" }));
    assert_eq!(rows[8]["object_id"], two.user.to_string());
}

#[tokio::test]
async fn admins_read_it_page_by_page_and_nobody_else() {
    let (superuser, one, two) = tenants().await;
    let workspace = one.workspace;
    for zone in 0..7 {
        one.session
            .text(&format!(
                "SELECT crier.set_slots('{}', 'UTC', '{{\"mon\": [\"09:0{zone}\"]}}')",
                one.account
            ))
            .await;
    }
    let page = |more: &str| {
        format!(
            "SELECT jsonb_path_query_array(items, '$[*].action'), next_cursor, has_more FROM crier.get_activity_log('{workspace}'{more})"
        )
    };
    let first = one.session.text(&page(", p_limit => 2")).await;
    let [items, cursor, more] = first.split('|').collect::<Vec<_>>()[..] else { panic!("{first}") };
    assert_eq!((items, more), (r#"["slots_set", "slots_set"]"#, "t"));
    let mut found = 2;
    let mut cursor = cursor.to_owned();
    loop {
        let next = one.session.text(&page(&format!(", '{cursor}', 2"))).await;
        let [items, more, _] = next.split('|').collect::<Vec<_>>()[..] else { panic!("{next}") };
        found += items.matches("\"").count() / 2;
        if more.is_empty() || more == "∅" {
            break;
        }
        cursor = more.to_owned();
    }
    assert_eq!(found, 11);
    let filter = format!(", p_object_type => 'post', p_object_id => '{}'", one.post);
    let filtered = one.session.text(&page(&filter)).await;
    assert!(filtered.starts_with(r#"["post_created"]|"#), "{filtered}");
    let by_user = one.session.text(&page(&format!(", p_user_id => '{}'", two.user))).await;
    assert!(by_user.starts_with("[]|"), "{by_user}");
    let by_action = one.session.text(&page(", p_action => 'workspace_created'")).await;
    assert!(by_action.starts_with(r#"["workspace_created"]|"#), "{by_action}");

    assert_eq!(two.session.refusal(&page("")).await.code, "P0002");
    superuser.text(&format!("SELECT crier.add_member('{workspace}', '{}', 'editor')", two.user)).await;
    assert_eq!(two.session.refusal(&page("")).await.code, "42501");
    one.session
        .text(&format!("SELECT crier.set_member_role('{workspace}', '{}', '{}')", two.user, Role::Admin))
        .await;
    assert!(two.session.text(&page("")).await.starts_with(r#"["role_changed", "member_added", "slots_set""#));

    // it outlives the workspace, for those who are bound to none
    one.session.text(&format!("SELECT crier.delete_workspace('{workspace}')")).await;
    assert_eq!(one.session.refusal(&page("")).await.code, "P0002");
    superuser.run("UPDATE crier.stat_state SET closed_until = clock_timestamp() + interval '1 second'").await;
    let purge = superuser.text("SELECT crier.purge_workspaces(p_max_ms => 60000)").await;
    assert!(purge.ends_with(r#""workspaces": 1}"#), "{purge}");
    assert!(superuser.text(&page(", p_limit => 1")).await.starts_with(r#"["workspace_deleted"]|"#));
}

#[tokio::test]
async fn nobody_changes_it_and_only_whole_months_go() {
    let (superuser, one, _two) = tenants().await;
    let worker = format!("worker_{}", one.database.name());
    superuser.run(&format!("CREATE ROLE {worker} LOGIN IN ROLE crier_worker")).await;
    let worker = one.database.connect_as(&worker).await;
    for session in [&one.session, &worker] {
        for statement in [
            "UPDATE crier.activity_log SET action = 'x'",
            "DELETE FROM crier.activity_log",
            "TRUNCATE crier.activity_log",
            "INSERT INTO crier.activity_log SELECT * FROM crier.activity_log",
            "SELECT * FROM crier.activity_log",
            "DELETE FROM crier.activity_log_default",
        ] {
            assert_eq!(session.refusal(statement).await.code, "42501", "{statement}");
        }
    }
    let months = "SELECT count(*), bool_and(c.relrowsecurity) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
                  WHERE i.inhparent = 'crier.activity_log'::regclass AND c.relname ~ '_[0-9]{6}$'";
    assert_eq!(superuser.text(months).await, "3|t");
    // a month of long ago, and rows of a month that was never made
    let old = |days: i32, sets: &str| {
        format!(
            "INSERT INTO crier.activity_log SELECT workspace_id, overlay(crier.new_id()::text PLACING \
                 left(crier.first_id(now() - interval '{days} days')::text, 13) FROM 1 FOR 13)::uuid, {sets} \
             FROM crier.activity_log WHERE action = 'workspace_created' AND id > crier.first_id(now() - interval '1 day')"
        )
    };
    let rest = "actor, user_id, action, object_type, object_id, changes, at";
    superuser.run("SELECT crier.attach_month('activity_log', 'id', date_trunc('month', now() - interval '445 days')::date)").await;
    assert_eq!(superuser.text(months).await, "4|t");
    superuser.run(&old(445, rest)).await;
    superuser.run(&old(400, rest)).await;
    superuser.run(&old(300, rest)).await;
    let cleanup = "SELECT crier.cleanup_old_activity_logs(p_batch => 1)";
    let dropped = superuser.text(cleanup).await;
    assert!(dropped.contains(r#""more": true"#) && dropped.contains("activity_log_20"), "{dropped}");
    assert_eq!(superuser.text(months).await, "3|t");
    assert_eq!(superuser.text("SELECT crier.cleanup_old_activity_logs()").await, r#"{"deleted": 2}"#);
    assert_eq!(
        superuser
            .text(
                "SELECT count(*) FROM crier.activity_log WHERE id < crier.first_id(now() - interval '1 day')"
            )
            .await,
        "2"
    );
    assert_eq!(superuser.text(cleanup).await, r#"{"deleted": 0}"#);
    superuser.run("UPDATE crier.maintenance_setting SET value = NULL WHERE name = 'keep_activity_log'").await;
    superuser.run(&old(900, rest)).await;
    assert_eq!(superuser.text(cleanup).await, r#"{"deleted": 0}"#, "null: for ever");
}
