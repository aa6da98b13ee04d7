//! Who may begin a login, and that one tenant's is nothing to another.

use crier_tests::browser::Browser;
use crier_tests::cluster::Database;
use crier_tests::connecting::{APPLICATION, Connecting, RETURN_URL, user_session};
use crier_tests::stage::create_workspace;
use serde_json::json;
use uuid::Uuid;

#[tokio::test]
async fn owners_and_admins_begin_logins() {
    let test = Connecting::on(Database::shared().await).await;
    let user = Uuid::new_v4();
    let other = user_session(&test.database, &test.sql, user).await;
    let begin = format!("SELECT length(crier.begin_connect('{}', 'x', '{RETURN_URL}'))", test.workspace);
    for (role, code) in [("viewer", "42501"), ("editor", "42501"), ("admin", ""), ("owner", "")] {
        test.sql.run(&format!("INSERT INTO crier.workspace_member VALUES ('{}', '{user}', '{role}') ON CONFLICT (workspace_id, user_id) DO UPDATE SET role = excluded.role", test.workspace)).await;
        match code {
            "" => assert_eq!(other.text(&begin).await, "64", "{role}"),
            code => assert_eq!(other.refusal(&begin).await.code, code, "{role}"),
        }
    }
    // a stranger learns nothing of a workspace, nor of an account
    let stranger = user_session(&test.database, &test.sql, Uuid::new_v4()).await;
    let (ours, theirs): (Uuid, Uuid) = (Uuid::new_v4(), Uuid::new_v4());
    let own: Uuid = stranger
        .value("SELECT crier.create_workspace('x', NULLIF(current_setting('crier.user_id'), '')::uuid)", &[])
        .await;
    let account = crier_tests::stage::dummy_account(&test.sql, test.workspace, "alice.test").await;
    let ask = async |workspace: Uuid, account: Option<Uuid>| {
        let account = account.map_or("NULL".into(), |id| format!("'{id}'"));
        let sql = format!(
            "SELECT crier.begin_connect('{workspace}', 'bluesky', '{RETURN_URL}', account_id => {account})"
        );
        let refusal = stranger.refusal(&sql).await;
        format!("{} {} {:?} {:?}", refusal.code, refusal.message, refusal.detail, refusal.hint)
    };
    let same = |text: String, id: Uuid| text.replace(&id.to_string(), "ID");
    assert_eq!(same(ask(test.workspace, None).await, test.workspace), same(ask(ours, None).await, ours));
    assert_eq!(same(ask(own, Some(account)).await, account), same(ask(own, Some(theirs)).await, theirs));
    for table in ["oauth_state", "app_registration"] {
        assert_eq!(test.owner.refusal(&format!("SELECT * FROM crier.{table}")).await.code, "42501");
    }
    for call in [
        "SELECT crier.take_oauth_state('ticket', decode(repeat('00', 32), 'hex'))",
        "SELECT crier.end_oauth_state(crier.new_id(), crier.new_id())",
        "SELECT crier.get_app_registration('x', 's', 'r')",
        "SELECT crier.note_app_registration(crier.new_id(), 1, true)",
        "SELECT crier.release_app_registration(crier.new_id(), 1)",
        "SELECT crier.cleanup_expired_oauth_states_batch()",
    ] {
        assert_eq!(test.owner.refusal(call).await.code, "42501", "{call}");
    }
}

#[tokio::test]
async fn what_is_no_login_is_refused_with_what_is_wrong() {
    let test = Connecting::on(Database::shared().await).await;
    let ws = test.workspace;
    for (arguments, code, part) in [
        (format!("NULL, 'x', '{RETURN_URL}'"), "22004", "workspace_id"),
        (format!("'{ws}', NULL, '{RETURN_URL}'"), "22004", "platform"),
        (format!("'{ws}', 'x', NULL"), "22004", "return_url"),
        (format!("'{ws}', 'myspace', '{RETURN_URL}'"), "22023", "myspace"),
        (format!("'{ws}', 'x', ''"), "22023", "return_url"),
        (format!("'{ws}', 'x', 'javascript:alert(1)'"), "22023", "return_url"),
        (format!("'{ws}', 'x', '//app.example'"), "22023", "return_url"),
        (format!("'{ws}', 'x', 'https://app.example/#x'"), "22023", "return_url"),
        (format!("'{ws}', 'x', E'https://app.example/\\r\\nSet-Cookie: a=b'"), "22023", "return_url"),
        (format!("'{ws}', 'x', 'https://app.example/' || repeat('x', 2000)"), "54000", "return_url"),
        (format!("'{ws}', 'x', '{RETURN_URL}', ''"), "22023", "server"),
        (format!("'{ws}', 'x', '{RETURN_URL}', 'a b'"), "22023", "server"),
    ] {
        let refusal = test.owner.refusal(&format!("SELECT crier.begin_connect({arguments})")).await;
        assert_eq!(refusal.code, code, "{arguments}: {refusal}");
        assert!(refusal.message.contains(part), "{arguments}: {refusal}");
    }
    // an account of another platform
    let account = crier_tests::stage::dummy_account(&test.sql, ws, "alice.test").await;
    let refusal = test
        .owner
        .refusal(&format!(
            "SELECT crier.begin_connect('{ws}', 'x', '{RETURN_URL}', account_id => '{account}')"
        ))
        .await;
    assert!(refusal.message.contains("bluesky"), "{refusal}");
    // no more than there may be at a time
    let many = format!(
        "SELECT count(*) FROM generate_series(1, 100) WHERE crier.begin_connect('{ws}', 'x', '{RETURN_URL}') IS NOT NULL"
    );
    assert_eq!(test.owner.text(&many).await, "100");
    let refusal =
        test.owner.refusal(&format!("SELECT crier.begin_connect('{ws}', 'x', '{RETURN_URL}')")).await;
    assert!(refusal.message.contains("100 logins"), "{refusal}");
    test.sql.run("UPDATE crier.oauth_state SET expires_at = now() - interval '1 s'").await;
    let cleaned = "SELECT crier.cleanup_expired_oauth_states_batch(p_batch => 30)";
    assert_eq!(test.sql.text(cleaned).await, r#"{"apps": 0, "deleted": 100}"#);
    assert_eq!(
        test.owner.text(&format!("SELECT length(crier.begin_connect('{ws}', 'x', '{RETURN_URL}'))")).await,
        "64"
    );
}

#[tokio::test]
async fn who_has_lost_the_right_meanwhile_connects_nothing() {
    let test = Connecting::on(Database::shared().await).await;
    test.person("x", "alice");
    let _crierd = test.start().await;
    let browser = Browser::new();
    let ticket = test.ticket("x", None, None).await;
    let stop = format!("{}/oauth/x/callback", test.public_url);
    let callback = browser.go(&test.start_url("x", &ticket), &stop).await.url.to_string();
    test.sql.run("UPDATE crier.workspace_member SET role = 'editor'").await;
    let page = browser.go(&callback, APPLICATION).await;
    assert_eq!(page.param("crier_error").as_deref(), Some("not_allowed"), "{page:?}");
    assert_eq!(test.sim.calls("oauth2.token"), 0);
    assert_eq!(test.sql.text("SELECT count(*) FROM crier.social_account").await, "0");
}

#[tokio::test]
async fn a_login_of_a_workspace_that_is_deleted_leads_nowhere() {
    let test = Connecting::on(Database::shared().await).await;
    test.person("x", "alice");
    let crierd = test.start().await;
    let browser = Browser::new();
    let ticket = test.ticket("x", None, None).await;
    let stop = format!("{}/oauth/x/callback", test.public_url);
    let callback = browser.go(&test.start_url("x", &ticket), &stop).await.url.to_string();
    let kept = "SELECT * FROM crier.oauth_state";
    assert_eq!(test.sql.rows(kept, &[]).await.len(), 1);
    test.owner.run(&format!("SELECT crier.delete_workspace('{}')", test.workspace)).await;
    assert_eq!(test.sql.rows(kept, &[]).await.len(), 0, "expected it to be forgotten");
    let page = browser.go(&callback, APPLICATION).await;
    assert!(page.text.contains("<code>expired</code>"), "{page:?}");
    assert_eq!(test.sim.calls("oauth2.token"), 0);
    drop(crierd);
    // one that was begun in a transaction that ended after the deletion, which no sidecar is there to finish
    let late = create_workspace(&test.sql).await;
    test.sql.run(&format!("UPDATE crier.workspace SET deleted_at = now() WHERE id = '{late}'")).await;
    test.sql
        .run(&format!(
            "INSERT INTO crier.oauth_state (workspace_id, id, stage, hash, platform, return_url, created_at, expires_at) \
             VALUES ('{late}', crier.new_id(), 'ticket', sha256('late'), 'x', '{RETURN_URL}', now(), now() + interval '1 hour')"
        ))
        .await;
    let take = "SELECT * FROM crier.take_oauth_state('ticket', sha256('late'))";
    assert_eq!(test.sql.rows(take, &[]).await.len(), 0);
    test.sql.run(&format!("UPDATE crier.workspace SET deleted_at = NULL WHERE id = '{late}'")).await;
    assert_eq!(test.sql.rows(take, &[]).await.len(), 1, "the control");
}

/// Whoever holds the secret of a step needs the browser too, and what is connected goes to the workspace that began.
#[tokio::test]
async fn a_login_ends_in_the_workspace_that_began_it() {
    let test = Connecting::on(Database::shared().await).await;
    test.person("x", "alice");
    let _crierd = test.start().await;
    let other = user_session(&test.database, &test.sql, Uuid::new_v4()).await;
    let theirs: Uuid =
        other.value("SELECT crier.create_workspace('B', current_setting('crier.user_id')::uuid)", &[]).await;
    // B has A's ticket: a login with it still connects for A, and B sees nothing of it
    let page = test.log_in_with(&Browser::new(), "x", None, None).await;
    let account = test.connected(&page)[0];
    let workspace: Uuid =
        test.sql.value("SELECT workspace_id FROM crier.social_account WHERE id = $1", &[&account]).await;
    assert_eq!(workspace, test.workspace);
    assert_eq!(other.text("SELECT count(*) FROM crier.accounts").await, "0");
    assert_ne!(theirs, workspace);
    // what was sealed for one login opens in no other, of any workspace
    test.sim.platform("x").set(&json!({"consent": {"approve_as": "alice"}})).expect("settings");
    let (one, two) = (Browser::new(), Browser::new());
    let stop = format!("{}/oauth/x/callback", test.public_url);
    let mine = test.ticket("x", None, None).await;
    let callback = one.go(&test.start_url("x", &mine), &stop).await.url.to_string();
    let sql = "SELECT crier.begin_connect($1, 'x', $2)";
    let foreign: String = other.value(sql, &[&theirs, &RETURN_URL]).await;
    let _ = two.go(&test.start_url("x", &foreign), &stop).await;
    test.sql
        .run(&format!(
            "UPDATE crier.oauth_state s SET sealed = o.sealed FROM crier.oauth_state o \
             WHERE s.workspace_id = '{}' AND o.workspace_id = '{theirs}'",
            test.workspace
        ))
        .await;
    let page = one.go(&callback, APPLICATION).await;
    assert_eq!(page.param("crier_error").as_deref(), Some("internal"), "{page:?}");
}
