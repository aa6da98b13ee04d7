//! What one tenant takes leaves room for the others.

use crier_tests::session::{Refusal, Session};
use crier_tests::stage::create_workspace;
use uuid::Uuid;

use super::tenants;

async fn set(superuser: &Session, name: &str, max: i64) {
    let set = "UPDATE crier.tenant_limit SET max = $2 WHERE name = $1";
    assert_eq!(superuser.rows(&format!("{set} RETURNING 1"), &[&name, &max]).await.len(), 1, "{name}");
}

fn is_limit(refusal: &Refusal) -> bool {
    (refusal.code.as_str(), refusal.detail.as_str()) == ("53400", "tenant_limit") && !refusal.hint.is_empty()
}

/// Enqueues a job for each kind.
fn kinds(workspace: Uuid, kinds: std::ops::Range<u32>) -> String {
    let (first, last) = (kinds.start, kinds.end - 1);
    format!(
        "SELECT count(*) FROM crier.enqueue_many((SELECT jsonb_agg(jsonb_build_object('kind', 'kind ' || n, 'workspace_id', \
         '{workspace}')) FROM generate_series({first}, {last}) n))"
    )
}

#[tokio::test]
async fn kinds_of_its_own_take_no_room_from_others() {
    let (superuser, one, two) = tenants().await;
    // what would be there for all
    let refusal = one.session.refusal(&kinds(one.workspace, 0..5_000)).await;
    assert!(is_limit(&refusal) && refusal.message.contains("of 50 kinds of jobs"), "{refusal}");
    assert_eq!(one.session.text(&kinds(one.workspace, 0..50)).await, "50");
    for enqueue in [
        format!("SELECT crier.enqueue('one more', workspace_id => '{}')", one.workspace),
        format!("SELECT crier.find_or_create_job('{}', 'one more', '{{}}')", one.user),
        // on a platform it is another
        format!(
            "SELECT crier.enqueue('kind 1', workspace_id => '{}', account_id => '{}')",
            one.workspace, one.account
        ),
    ] {
        let refusal = one.session.refusal(&enqueue).await;
        assert!(is_limit(&refusal), "{enqueue}: {refusal}");
    }
    // those it has, also in another workspace, and those that the operator knows, with a trusted caller's
    assert_eq!(one.session.text(&kinds(one.workspace, 0..50)).await, "50");
    assert_eq!(two.session.text(&kinds(two.workspace, 0..80)).await, "80");
    assert_eq!(one.session.text(&kinds(one.workspace, 50..80)).await, "30");
    superuser
        .run("INSERT INTO crier.job_kind (kind) SELECT 'kind ' || n FROM generate_series(80, 99) n")
        .await;
    assert_eq!(one.session.text(&kinds(one.workspace, 80..100)).await, "20");
    assert_eq!(superuser.text(&kinds(one.workspace, 100..200)).await, "100");
    // all together
    set(&superuser, "kinds", 90).await;
    let refusal = two.session.refusal(&kinds(two.workspace, 200..211)).await;
    assert!(is_limit(&refusal) && refusal.message.contains("80 of 90"), "{refusal}");
    assert_eq!(two.session.text(&kinds(two.workspace, 200..210)).await, "10");
    let canceled =
        "SELECT count(*) FROM crier.cancel_jobs(ARRAY(SELECT id FROM crier.jobs WHERE state = 'pending'))";
    assert_ne!(superuser.text(canceled).await, "0");
    let refusal = two.session.refusal(&kinds(two.workspace, 210..211)).await;
    assert!(is_limit(&refusal), "what is brought stays brought: {refusal}");
    superuser.run("UPDATE crier.tenant_limit SET max = NULL WHERE name LIKE 'kinds%'").await;
    assert_eq!(two.session.text(&kinds(two.workspace, 300..600)).await, "300");
}

#[tokio::test]
async fn work_that_nobody_takes_takes_no_room_from_others() {
    let (superuser, one, two) = tenants().await;
    set(&superuser, "jobs_per_workspace", 200).await;
    let enqueue = |workspace: Uuid, count: i64| {
        format!(
            "SELECT count(*) FROM crier.enqueue_many((SELECT jsonb_agg(jsonb_build_object('kind', 'k', 'workspace_id', \
             '{workspace}')) FROM generate_series(1, {count})))"
        )
    };
    // its post has a job too
    assert_eq!(one.session.text(&enqueue(one.workspace, 199)).await, "199");
    let refusal = one.session.refusal(&enqueue(one.workspace, 1)).await;
    assert!(is_limit(&refusal) && refusal.message.contains("200 unfinished jobs"), "{refusal}");
    let single = format!("SELECT crier.find_or_create_job('{}', 'k', '{{}}')", one.user);
    assert!(is_limit(&one.session.refusal(&single).await));
    // in a transaction its own count, and what is rolled back does not
    assert_eq!(two.session.text(&enqueue(two.workspace, 150)).await, "150");
    two.session.run("BEGIN").await;
    assert_eq!(two.session.text(&enqueue(two.workspace, 40)).await, "40");
    assert!(is_limit(&two.session.refusal(&enqueue(two.workspace, 10)).await));
    two.session.run("ROLLBACK").await;
    assert_eq!(two.session.text(&enqueue(two.workspace, 49)).await, "49");
    // posts go on, and so does the operator's own
    let post = format!("SELECT crier.create_post('{}', 'x', ARRAY['{}'::uuid])", one.workspace, one.account);
    one.session.text(&post).await;
    assert_eq!(superuser.text(&enqueue(one.workspace, 10)).await, "10");
    // what is done makes room, also after memory was read anew
    let done = "SELECT count(*) FROM crier.cancel_jobs(ARRAY(SELECT id FROM crier.jobs WHERE workspace_id = $1 AND kind = 'k' LIMIT 20))";
    assert_eq!(superuser.value::<i64>(done, &[&one.workspace]).await, 20);
    superuser.run("SELECT crier.reload_queue()").await;
    assert!(is_limit(&one.session.refusal(&enqueue(one.workspace, 10)).await));
    assert_eq!(one.session.text(&enqueue(one.workspace, 9)).await, "9");
    superuser.run("UPDATE crier.tenant_limit SET max = NULL").await;
    assert_eq!(one.session.text(&enqueue(one.workspace, 300)).await, "300");
}

#[tokio::test]
async fn an_account_is_in_so_many_workspaces_at_most() {
    let (superuser, one, _two) = tenants().await;
    let connect = async |workspace: Uuid, platform: &str, server: &str| {
        let connect = format!(
            "SELECT account_id FROM crier.connect_account('{workspace}', '{platform}', '7', 'h', '{server}')"
        );
        let account = superuser.try_text(&connect).await?;
        let sealed: String =
            crier_tests::stage::dummy_sealed().iter().map(|byte| format!("{byte:02x}")).collect();
        let store = format!(
            "SELECT crier.store_credential('{account}', 1, '\\x{sealed}') WHERE NOT EXISTS (SELECT FROM crier.credential WHERE account_id = '{account}')"
        );
        superuser.try_text(&store).await
    };
    set(&superuser, "workspaces_per_account", 3).await;
    let mut there = Vec::new();
    for _ in 0..3 {
        there.push(create_workspace(&superuser).await);
        connect(there[there.len() - 1], "x", "https://x.example").await.expect("room");
    }
    let refusal = connect(one.workspace, "x", "https://x.example").await.expect_err("a refusal");
    assert!(is_limit(&refusal) && refusal.message.contains("to 3 workspaces"), "{refusal}");
    // it is none of the first ones, and one of another platform or server is another
    connect(there[0], "x", "https://x.example").await.expect("it is connected again");
    connect(one.workspace, "bluesky", "https://x.example").await.expect("room");
    for n in 0..5 {
        connect(one.workspace, "mastodon", &format!("https://{n}.example")).await.expect("room");
    }
    // where its grant has ended, or the workspace, it does not count
    let ended = "UPDATE crier.social_account SET status = 'reauth_required' WHERE workspace_id = $1";
    superuser.rows(ended, &[&there[0]]).await;
    connect(one.workspace, "x", "https://x.example").await.expect("room");
    assert!(is_limit(&connect(there[0], "x", "https://x.example").await.expect_err("a refusal")));
    superuser.rows("SELECT crier.delete_workspace($1)", &[&there[1]]).await;
    connect(there[0], "x", "https://x.example").await.expect("room");
}

#[tokio::test]
async fn a_user_owns_so_many_workspaces_at_most() {
    let (superuser, one, two) = tenants().await;
    set(&superuser, "workspaces_per_user", 5).await;
    let create = format!("SELECT crier.create_workspace('x', '{}')", one.user);
    for _ in 0..4 {
        one.session.text(&create).await;
    }
    let refusal = one.session.refusal(&create).await;
    assert!(is_limit(&refusal) && refusal.message.contains("owns 5 workspaces"), "{refusal}");
    // another's are another's, and a server of one's own decides for itself
    two.session.text(&format!("SELECT crier.create_workspace('x', '{}')", two.user)).await;
    superuser.text(&create).await;
    for _ in 0..2 {
        let deleted =
            "SELECT crier.delete_workspace((SELECT workspace_id FROM crier.my_workspaces() LIMIT 1))";
        one.session.text(deleted).await;
    }
    one.session.text(&create).await;
    assert!(is_limit(&one.session.refusal(&create).await));
}

#[tokio::test]
async fn a_thousand_invitations_hide_none_that_comes_after() {
    let (superuser, one, two) = tenants().await;
    let many = "WITH made AS (INSERT INTO crier.workspace (id, name) SELECT crier.new_id(), 'flood' FROM generate_series(1, 1000) RETURNING id) \
                INSERT INTO crier.workspace_invitation (workspace_id, user_id, role, created_at, expires_at) \
                SELECT id, $1, 'viewer', now() - interval '1 hour', now() + interval '1 day' FROM made";
    superuser.rows(many, &[&one.user]).await;
    two.session.text(&format!("SELECT crier.invite_member('{}', '{}')", two.workspace, one.user)).await;
    let invitations = "SELECT name FROM crier.my_invitations()";
    let names = one.session.text(invitations).await;
    assert_eq!(names.lines().count(), 1_000);
    assert_eq!(names.lines().next(), Some("two"));
}
