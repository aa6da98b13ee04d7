//! Nothing unapproved is ever published.

use crier_core::rights::Role;
use uuid::Uuid;

use super::Desk;

#[tokio::test]
async fn a_post_is_in_review_until_somebody_approves_it() {
    let desk = Desk::new().await;
    desk.sql.run(&format!("SELECT crier.set_approval('{}', 'admin')", desk.workspace)).await;
    let id = desk.post("").await;
    assert_eq!((desk.state(id).await.as_str(), desk.jobs().await), ("in_review", 0));
    // no change of plan goes around it
    for call in ["reschedule_post('ID')", "update_post('ID', 'another')"] {
        desk.sql.run(&format!("SELECT * FROM crier.{}", call.replace("ID", &id.to_string()))).await;
        assert_eq!((desk.state(id).await.as_str(), desk.jobs().await), ("in_review", 0), "{call}");
    }
    desk.sql.run("SELECT * FROM crier.run_due(p_now => now() + interval '1 year')").await;
    assert_eq!(desk.jobs().await, 0);
    assert_eq!(desk.sql.text(&format!("SELECT crier.approve_post('{id}')")).await, "scheduled");
    assert_eq!((desk.state(id).await.as_str(), desk.jobs().await), ("scheduled", 2));
    // an edit needs another word
    desk.sql.run(&format!("SELECT * FROM crier.update_post('{id}', 'changed')")).await;
    assert_eq!((desk.state(id).await.as_str(), desk.jobs().await), ("in_review", 0));
    desk.sql.run(&format!("SELECT crier.reject_post('{id}', 'not so')")).await;
    assert_eq!(desk.state(id).await, "draft");
    let why = "SELECT payload ->> 'reason' FROM crier.events WHERE kind = 'post_rejected'";
    assert_eq!(desk.sql.text(why).await, "not so");
    assert_eq!(desk.sql.text(&format!("SELECT crier.submit_post('{id}')")).await, "in_review");
}

#[tokio::test]
async fn an_edit_for_review_brings_nothing_back() {
    let desk = Desk::new().await;
    let id = desk.post(", thread => '[\"and on\"]'").await;
    desk.put(id, desk.alice, "published").await;
    desk.put(id, desk.bob, "failed").await;
    desk.sql.run(&format!("SELECT crier.set_approval('{}', 'admin')", desk.workspace)).await;
    desk.sql.run(&format!("SELECT * FROM crier.update_post('{id}', 'unapproved')")).await;
    // the job that failed can't be tried again with a text that nobody approved
    desk.sql
        .run("SELECT crier.retry_jobs(ARRAY(SELECT job_id FROM crier.post_target WHERE job_id IS NOT NULL))")
        .await;
    let refused = desk.sql.refusal(&format!("SELECT * FROM crier.retry_post('{id}')")).await;
    assert!(refused.message.contains("not scheduled"), "{refused:?}");
    let state = format!(
        "SELECT state FROM crier.post_target WHERE post_id = '{id}' AND account_id = '{}' ORDER BY part",
        desk.bob
    );
    assert_eq!(desk.sql.text(&state).await, "canceled\ncanceled");
    // one that was read before is not approved unread
    let read = format!("SELECT crier.get_post('{id}') ->> 'updated_at'");
    let read = desk.sql.text(&read).await;
    desk.sql.run(&format!("SELECT * FROM crier.update_post('{id}', 'changed behind the back')")).await;
    let refused = desk.sql.refusal(&format!("SELECT crier.approve_post('{id}', '{read}')")).await;
    assert!(refused.message.contains("was changed since"), "{refused:?}");
    desk.sql.run(&format!("SELECT crier.approve_post('{id}')")).await;
    assert_eq!(desk.sql.text(&state).await, "canceled\ncanceled");
    // but by its name: of what the post says now
    desk.sql.run(&format!("SELECT * FROM crier.reschedule_post('{id}')")).await;
    assert_eq!(desk.sql.text(&state).await, "scheduled\nwaiting");
}

#[tokio::test]
async fn what_is_withdrawn_or_rejected_stops() {
    let desk = Desk::new().await;
    for call in ["cancel_post('ID')", "reject_post('ID', 'no')"] {
        let id = desk.post(", thread => '[\"and on\"]'").await;
        desk.put(id, desk.alice, "published").await;
        desk.put(id, desk.bob, "published").await;
        desk.sql.run(&format!("UPDATE crier.post SET stage = 'in_review' WHERE id = '{id}'")).await;
        desk.sql.run(&format!("SELECT * FROM crier.{}", call.replace("ID", &id.to_string()))).await;
        let left = format!("SELECT state FROM crier.post_target WHERE post_id = '{id}' AND part = 1");
        assert_eq!(desk.sql.text(&left).await, "canceled\ncanceled", "{call}");
    }
}

#[tokio::test]
async fn what_was_approved_without_a_time_waits_for_one() {
    let desk = Desk::new().await;
    desk.sql.run(&format!("SELECT crier.set_approval('{}', 'admin')", desk.workspace)).await;
    let id = desk.post(", NULL, draft => true").await;
    assert_eq!(desk.sql.text(&format!("SELECT crier.submit_post('{id}')")).await, "in_review");
    assert_eq!(desk.sql.text(&format!("SELECT crier.approve_post('{id}')")).await, "approved");
    assert_eq!((desk.targets(id).await.as_str(), desk.jobs().await), ("", 0));
    desk.sql.run(&format!("SELECT * FROM crier.reschedule_post('{id}')")).await;
    assert_eq!((desk.state(id).await.as_str(), desk.jobs().await), ("scheduled", 2));
}

#[tokio::test]
async fn only_who_may_approves() {
    let desk = Desk::new().await;
    let (login, mut members) = (format!("approver_{}", Uuid::new_v4().simple()), vec![]);
    desk.sql.run(&format!("CREATE ROLE {login} LOGIN IN ROLE crier_app")).await;
    for role in [Role::Editor, Role::Admin, Role::Owner] {
        let (user, session) = (Uuid::new_v4(), desk.database.connect_as(&login).await);
        desk.sql.run(&format!("SELECT crier.add_member('{}', '{user}', '{role}')", desk.workspace)).await;
        session.run(&format!("SET crier.user_id = '{user}'")).await;
        members.push(session);
    }
    let [editor, admin, owner] = &members[..] else { unreachable!() };
    let set = |role: &str| format!("SELECT crier.set_approval('{}', '{role}')", desk.workspace);
    assert_eq!(admin.refusal(&set("admin")).await.code, "42501");
    owner.run(&set("owner")).await;
    let id = desk.post("").await;
    let approve = format!("SELECT crier.approve_post('{id}')");
    assert_eq!(editor.refusal(&approve).await.code, "42501");
    assert_eq!(admin.refusal(&approve).await.code, "42501");
    assert_eq!(owner.text(&approve).await, "scheduled");
    // an editor's own post is in review as any other
    let own =
        format!("SELECT crier.create_post('{}', 'mine', ARRAY['{}'::uuid])", desk.workspace, desk.alice);
    let own: Uuid = editor.text(&own).await.parse().expect("an id");
    assert_eq!(desk.state(own).await, "in_review");
    owner.run(&set("admin")).await;
    assert_eq!(admin.text(&format!("SELECT crier.approve_post('{own}')")).await, "scheduled");
}
