//! How long tokens live is told to those whose accounts they are, and nothing else of them.

use crier_tests::connecting::user_session;
use crier_tests::session::Session;
use uuid::Uuid;

use super::Office;

const LIFE: &str = "SELECT account_id, expires_at IS NOT NULL, refresh_at IS NOT NULL, refresh_failures, failed_with, failed_at IS NOT NULL \
                    FROM crier.token_status($1) ORDER BY array_position($1, account_id)";

/// Of an account: whether its token ends and is renewed, how often that failed, with what, and whether it is known when.
type Life = (Uuid, bool, bool, i32, Option<String>, bool);

async fn life(session: &Session, accounts: &[Uuid]) -> Vec<Life> {
    let rows = session.rows(LIFE, &[&accounts]).await;
    let read =
        |row: &tokio_postgres::Row| (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4), row.get(5));
    rows.iter().map(read).collect()
}

#[tokio::test]
async fn a_viewer_sees_when_tokens_end_and_how_renewing_failed() {
    let office = Office::new().await;
    let user = Uuid::new_v4();
    let viewer = user_session(&office.database, &office.sql, user).await;
    office
        .sql
        .run(&format!(
            "INSERT INTO crier.workspace_member VALUES ('{}', '{user}', 'viewer')",
            office.workspace
        ))
        .await;
    let stored = "SELECT crier.store_credential($1, 2, '\\x0101' || decode(repeat('00', 60), 'hex'), now() + interval '2 hours', \
                  now() + interval '60 days')";
    let stored: bool = office.sql.value(stored, &[&office.alice]).await;
    assert!(stored);
    let both = [office.alice, office.bob];
    let mut expected: Vec<Life> =
        vec![(office.alice, true, true, 0, None, false), (office.bob, false, false, 0, None, false)];
    assert_eq!(life(&viewer, &both).await, expected);
    // what was renewed by the schedule and refused
    let begin = format!("SELECT crier.begin_refresh('{}', 2)", office.alice);
    let token = office.sql.text(&begin).await;
    let fail = format!(
        "SELECT crier.fail_refresh('{}', 2, {token}, 'transient', '{{\"message\": \"s3cr3t\"}}')",
        office.alice
    );
    office.sql.text(&fail).await;
    expected[0] = (office.alice, true, true, 1, Some("transient".into()), true);
    assert_eq!(life(&viewer, &both).await, expected);
    let whole = format!("SELECT to_jsonb(s)::text FROM crier.token_status('{{{}}}') AS s", office.alice);
    let whole = viewer.text(&whole).await;
    assert!(!whole.contains("s3cr3t") && !whole.contains("0101"), "{whole}");
    // nothing of an account that is disconnected
    office.call("delete_account", office.alice).await;
    assert_eq!(life(&viewer, &both).await, expected[1..]);
    assert_eq!(life(&office.sql, &both).await, expected[1..]);
}

#[tokio::test]
async fn strangers_see_nothing_and_what_is_no_list_is_refused() {
    let office = Office::new().await;
    let user = Uuid::new_v4();
    let stranger = user_session(&office.database, &office.sql, user).await;
    stranger.text(&format!("SELECT crier.create_workspace('mine', '{user}')")).await;
    assert_eq!(life(&stranger, &[office.alice, office.bob]).await, []);
    assert_eq!(life(&office.sql, &[Uuid::new_v4()]).await, []);
    assert_eq!(life(&office.sql, &[]).await, []);
    for (call, code, words) in [
        ("NULL", "22004", "p_account_ids"),
        ("ARRAY[NULL]::uuid[]", "22023", "p_account_ids"),
        ("array_fill(crier.new_id(), '{10001}')", "54000", "p_account_ids"),
    ] {
        let refused = stranger.refusal(&format!("SELECT * FROM crier.token_status({call})")).await;
        assert!(refused.code == code && refused.message.contains(words), "{call}: {refused}");
    }
    let refused = stranger.refusal("SELECT * FROM crier.credential").await;
    assert_eq!(refused.code, "42501", "{refused}");
}
