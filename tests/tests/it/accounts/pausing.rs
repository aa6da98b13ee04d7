//! A paused account rests until somebody resumes it.

use super::Office;

#[tokio::test]
async fn nothing_of_it_is_handed_out_until_it_is_resumed() {
    let office = Office::new().await;
    office.post(&[office.alice, office.bob], "").await;
    office.sql.run(&format!("BEGIN; SELECT crier.pause_account('{}'); ROLLBACK", office.alice)).await;
    assert_eq!(office.call("pause_account", office.alice).await, "t");
    assert_eq!(office.call("pause_account", office.alice).await, "f");
    assert_eq!(office.claim().await, [office.bob]);
    // neither a restart of the queue nor who lifts blocks wakes it
    office.sql.text("SELECT crier.reload_queue()").await;
    assert_eq!(office.call("unblock_account", office.alice).await, "f");
    assert!(office.claim().await.is_empty());
    let status = format!("SELECT status FROM crier.accounts WHERE id = '{}'", office.alice);
    assert_eq!(office.sql.text(&status).await, "paused");
    let post = format!("SELECT crier.create_post('{}', 'x', '{{{}}}')", office.workspace, office.alice);
    let refused = office.sql.refusal(&post).await;
    assert_eq!((refused.code.as_str(), refused.detail.as_str()), ("22023", "account_unusable"), "{refused}");
    assert_eq!(office.call("resume_account", office.alice).await, "t");
    assert_eq!(office.call("resume_account", office.alice).await, "f");
    assert_eq!(office.sql.text(&status).await, "active");
    assert_eq!(office.claim().await, [office.alice]);
    assert_eq!(office.sql.text("SELECT count(*) FROM crier.limit_block").await, "0");
}

#[tokio::test]
async fn a_block_outlasts_a_pause_and_a_lost_login_is_asked_for_afterwards() {
    let office = Office::new().await;
    office.post(&[office.alice], "").await;
    office
        .sql
        .run(&format!(
            "SELECT crier.block_account('{0}', now() + interval '1 hour'); SELECT crier.pause_account('{0}'); \
             SELECT crier.resume_account('{0}')",
            office.alice
        ))
        .await;
    assert!(office.claim().await.is_empty());
    assert_eq!(office.call("unblock_account", office.alice).await, "t");
    assert_eq!(office.claim().await, [office.alice]);
    let set = |status: &str| {
        let id = office.bob;
        format!("UPDATE crier.social_account SET status = '{status}', status_reason = NULL WHERE id = '{id}'")
    };
    office.sql.run(&set("reauth_required")).await;
    assert_eq!(office.call("pause_account", office.bob).await, "t");
    assert_eq!(office.call("resume_account", office.bob).await, "t");
    let status = format!("SELECT status FROM crier.accounts WHERE id = '{}'", office.bob);
    assert_eq!(office.sql.text(&status).await, "reauth_required");
    office.sql.run(&set("disconnected")).await;
    let refused = office.sql.refusal(&format!("SELECT crier.pause_account('{}')", office.bob)).await;
    assert_eq!(refused.detail, "account_unusable", "{refused}");
}
