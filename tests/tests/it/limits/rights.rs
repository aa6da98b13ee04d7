//! Who may ask for and change limits, and what is refused.

use crier_tests::session::Session;
use uuid::Uuid;

use super::Limited;

/// The owner's session, as an application has it, and that of a user of another workspace.
async fn users(limited: &Limited) -> (Session, Session) {
    let role = format!("limits_{}", Uuid::new_v4().simple());
    limited.sql.run(&format!("CREATE ROLE {role} LOGIN IN ROLE crier_app")).await;
    let mut sessions = Vec::new();
    for user in [Uuid::new_v4(), Uuid::new_v4()] {
        let session = limited.database.connect_as(&role).await;
        session.run(&format!("SET crier.user_id = '{user}'")).await;
        session.text(&format!("SELECT crier.create_workspace('mine', '{user}')")).await;
        sessions.push((user, session));
    }
    let (owner, _) = &sessions[0];
    let member =
        format!("INSERT INTO crier.workspace_member VALUES ('{}', '{owner}', 'admin')", limited.workspace);
    limited.sql.run(&member).await;
    let (_, other) = sessions.pop().expect("two");
    let (_, own) = sessions.pop().expect("two");
    (own, other)
}

#[tokio::test]
async fn members_see_and_tighten_their_own_limits_and_nobody_elses() {
    let limited = Limited::fresh().await;
    limited.limit("like", "1 hour", 10).await;
    let (own, other) = users(&limited).await;
    let account = limited.account;
    for call in [
        format!("SELECT allowed FROM crier.check_rate_limit('{account}', 'like')"),
        format!("SELECT count(*) FROM crier.rate_limit_status('{account}')"),
        format!("SELECT crier.record_action('{account}', 'like')"),
        format!("SELECT crier.set_rate_limit('{account}', 'like', '1 hour', 5)"),
        format!("SELECT crier.block_account('{account}', now() + interval '1 hour')"),
        format!("SELECT crier.unblock_account('{account}')"),
    ] {
        let refusal = other.refusal(&call).await;
        let unknown = other.refusal(&call.replace(&account.to_string(), &Uuid::new_v4().to_string())).await;
        assert_eq!((refusal.code.as_str(), &refusal.hint), ("P0002", &unknown.hint), "{call}");
        assert_eq!(refusal.detail, unknown.detail, "{call}");
        own.text(&call).await;
    }
    assert_eq!(other.text("SELECT count(*) FROM crier.blocks").await, "0");
    let loose = format!("SELECT crier.set_rate_limit('{account}', 'like', '1 hour', 11)");
    let refusal = own.refusal(&loose).await;
    assert_eq!(refusal.message, "p_max is 11, and the platform's limit is 10");
    let other_window = own.refusal(&loose.replace("1 hour", "2 hours").replace(", 11)", ", 1)")).await;
    assert_eq!(other_window.message, "p_per is no window that the platform's limits for the action have");
    let unknown = own.refusal(&loose.replace("'like'", "'juggle'")).await;
    assert_eq!(unknown.message, "p_action \"juggle\" is nothing that is limited");
    // what the operator tightens holds for what a member had set before
    let max = format!("SELECT max FROM crier.rate_limit_status('{account}') WHERE action = 'like'");
    assert_eq!(own.text(&max).await, "5");
    limited.sql.run("UPDATE crier.platform_limit SET max = 4 WHERE action = 'like'").await;
    assert_eq!(own.text(&max).await, "4");
    limited.sql.run("UPDATE crier.platform_limit SET max = 10 WHERE action = 'like'").await;
    limited.sql.text(&loose).await;
    assert_eq!(own.text(&max).await, "11", "expected an operator to allow more");
    // a member lifts what members set, not what the operator or the platform wants
    let lift = format!("SELECT crier.unblock_account('{account}')");
    let block = |session: &'static str| {
        format!("SELECT crier.block_account('{account}', now() + interval '{session}')")
    };
    limited.sql.run(&block("1 hour")).await;
    own.run(&block("2 hours")).await;
    assert_eq!(own.text(&lift).await, "t");
    assert_eq!(own.text(&lift).await, "f");
    assert_eq!(own.text("SELECT set_by FROM crier.blocks").await, "operator");
    limited.add(account, "like", 1).await;
    assert_eq!(limited.claim(5).await.len(), 0);
    assert_eq!(limited.sql.text(&lift).await, "t");
    assert_eq!(limited.claim(5).await.len(), 1);
    // what all accounts share is neither shown to members nor used up by what they record
    limited
        .sql
        .run("INSERT INTO crier.platform_limit (platform, action, scope, per, max) VALUES ('bluesky', 'like', 'platform', '1 day', 50)")
        .await;
    own.run(&format!("SELECT crier.record_action('{account}', 'like', 9)")).await;
    assert_eq!(
        own.text(&format!("SELECT DISTINCT scope FROM crier.rate_limit_status('{account}')")).await,
        "account"
    );
    let shared = format!("SELECT used FROM crier.rate_limit_status('{account}') WHERE scope = 'platform'");
    assert_eq!(limited.sql.text(&shared).await, "0");
    limited.sql.run(&format!("SELECT crier.record_action('{account}', 'like', 9)")).await;
    assert_eq!(limited.sql.text(&shared).await, "9");
    // an editor works, and decides nothing about accounts
    limited
        .sql
        .run(&format!(
            "UPDATE crier.workspace_member SET role = 'editor' WHERE workspace_id = '{}'",
            limited.workspace
        ))
        .await;
    own.text(&format!("SELECT crier.record_action('{account}', 'like')")).await;
    let refusal = own.refusal(&format!("SELECT crier.unblock_account('{account}')")).await;
    assert_eq!(refusal.code, "42501");
    limited
        .sql
        .run(&format!(
            "UPDATE crier.workspace_member SET role = 'viewer' WHERE workspace_id = '{}'",
            limited.workspace
        ))
        .await;
    assert_eq!(own.refusal(&format!("SELECT crier.record_action('{account}', 'like')")).await.code, "42501");
    for call in [
        "SELECT crier.block_server('bluesky', 'pds.example', now() + interval '1 hour')",
        "SELECT crier.unblock_server('bluesky', 'pds.example')",
        "SELECT * FROM crier.breakers()",
        "SELECT * FROM crier.check_rate_limit(crier.new_id(), 'general', 5)",
        "UPDATE crier.platform_limit SET max = 1000000",
        "INSERT INTO crier.account_limit SELECT * FROM crier.account_limit",
        "DELETE FROM crier.limit_block",
        "SELECT * FROM crier.limit_use",
    ] {
        assert_eq!(own.refusal(call).await.code, "42501", "{call}");
    }
}

#[tokio::test]
async fn bad_arguments_are_refused_with_what_is_wrong() {
    let limited = Limited::fresh().await;
    let a = limited.account;
    let cases = [
        (
            "SELECT * FROM crier.check_rate_limit(NULL, 'like')".to_owned(),
            "22004",
            "p_account_id must not be null",
        ),
        (format!("SELECT * FROM crier.check_rate_limit('{a}', NULL)"), "22004", "p_action must not be null"),
        (format!("SELECT * FROM crier.check_rate_limit('{a}', ' ')"), "22023", "p_action must not be empty"),
        (
            format!("SELECT * FROM crier.check_rate_limit('{a}', repeat('x', 65))"),
            "54000",
            "p_action has 65 characters; at most 64 are accepted",
        ),
        (format!("SELECT crier.record_action('{a}', 'like', 0)"), "22023", "p_count is 0"),
        (format!("SELECT crier.record_action('{a}', 'like', -1)"), "22023", "p_count is -1"),
        (format!("SELECT crier.record_action('{a}', 'like', 10001)"), "22023", "p_count is 10001"),
        (format!("SELECT crier.record_action('{a}', 'like', NULL)"), "22004", "p_count must not be null"),
        (
            format!("SELECT crier.set_rate_limit('{a}', 'like', '0', 5)"),
            "22023",
            "p_per is no length that a window can have",
        ),
        (
            format!("SELECT crier.set_rate_limit('{a}', 'like', '-1 hour', 5)"),
            "22023",
            "p_per is no length that a window can have",
        ),
        (
            format!("SELECT crier.set_rate_limit('{a}', 'like', '178000000 years', 5)"),
            "22023",
            "p_per is no length that a window can have",
        ),
        (format!("SELECT crier.set_rate_limit('{a}', 'like', '1 hour', -5)"), "22023", "p_max is -5"),
        (format!("SELECT crier.block_account('{a}', 'infinity')"), "22023", "p_until is infinite"),
        (format!("SELECT crier.block_account('{a}', '-infinity')"), "22023", "p_until is infinite"),
        (format!("SELECT crier.block_account('{a}', NULL)"), "22004", "p_until must not be null"),
        ("SELECT crier.block_server('', 'h', now())".to_owned(), "22023", "p_platform must not be empty"),
        ("SELECT crier.block_server('bluesky', NULL, now())".to_owned(), "22004", "p_host must not be null"),
        (
            "SELECT * FROM crier.check_rate_limit(NULL, 'general', 5)".to_owned(),
            "22004",
            "p_user_id must not be null",
        ),
        (format!("SELECT * FROM crier.check_rate_limit('{a}', 'general', -5)"), "22023", "p_max is -5"),
        (
            format!("SELECT * FROM crier.check_rate_limit('{a}', NULL, 5)"),
            "22004",
            "p_endpoint must not be null",
        ),
    ];
    for (call, code, message) in cases {
        let refusal = limited.sql.refusal(&call).await;
        assert_eq!((refusal.code.as_str(), refusal.message.as_str()), (code, message), "{call}");
        assert!(!refusal.hint.is_empty(), "expected a hint: {call}");
    }
    assert_eq!(limited.sql.text("SELECT count(*) FROM crier.limit_use").await, "0");
    assert_eq!(limited.sql.text("SELECT count(*) FROM crier.limit_block").await, "0");
    limited.sql.run("DELETE FROM crier.request_limit").await;
    let refusal =
        limited.sql.refusal(&format!("SELECT * FROM crier.check_rate_limit('{a}', 'general', NULL)")).await;
    assert_eq!(refusal.message, "p_endpoint \"general\" has no limit");
}
