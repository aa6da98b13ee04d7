//! Whose turn it is: fairness, pauses, and what does not fit into memory.

use crier_tests::cluster::Database;
use crier_tests::stage::{create_workspace, dummy_account};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Queue;

#[tokio::test]
async fn an_account_with_a_thousand_jobs_delays_nobody_by_more_than_one() {
    let queue = Queue::fresh().await;
    let workspace = create_workspace(&queue.0).await;
    let (busy, quiet) = (
        dummy_account(&queue.0, workspace, "busy.test").await,
        dummy_account(&queue.0, workspace, "quiet.test").await,
    );
    let of = |account: Uuid, user: Option<u128>| json!({"kind": "k", "workspace_id": workspace, "account_id": account, "user_id": user.map(Uuid::from_u128)});
    queue.enqueue_many(&(0..1_000).map(|_| of(busy, None)).collect()).await;
    assert_eq!(queue.claim(10).await.len(), 10);
    let late = queue.enqueue_many(&Value::Array(vec![of(quiet, Some(1)), of(quiet, Some(2))])).await;
    let users: Vec<Value> = (0..5).map(|n| json!({"kind": "k", "user_id": Uuid::from_u128(n + 7)})).collect();
    let users = queue.enqueue_many(&Value::Array(users)).await;
    let next: Vec<Uuid> = queue.claim(7).await.into_iter().map(|claim| claim.id).collect();
    let place = |id: &Uuid| next.iter().position(|other| other == id);
    assert!(place(&late[0]).is_some(), "expected the other account's job among the next: {next:?}");
    assert_eq!(place(&late[1]), None, "expected turns by account, whoever the user is");
    assert!(users.iter().all(|id| place(id).is_some()), "expected every user's job among the next");
}

#[tokio::test]
async fn what_is_paused_waits_and_what_is_resumed_goes_on() {
    let queue = Queue::fresh().await;
    let workspace = create_workspace(&queue.0).await;
    let account = dummy_account(&queue.0, workspace, "alice.test").await;
    let job = json!([{"kind": "k", "workspace_id": workspace, "account_id": account}]);
    let scopes = [
        "kind => 'k'".to_owned(),
        "platform => 'bluesky'".to_owned(),
        format!("account_id => '{account}'"),
        format!("workspace_id => '{workspace}'"),
        String::new(),
    ];
    for scope in scopes {
        let id = queue.enqueue_many(&job).await[0];
        let comma = if scope.is_empty() { "" } else { ", " };
        let pause = format!("SELECT crier.pause_jobs({scope}{comma}reason => 'because')");
        assert_eq!(queue.0.text(&pause).await, "t");
        assert_eq!(queue.0.text(&pause).await, "f");
        assert_eq!(queue.0.text("SELECT reason FROM crier.pauses").await, "because");
        assert_eq!(queue.claim(5).await, [], "{scope}");
        let late = queue.enqueue_many(&job).await[0];
        assert_eq!(queue.claim(5).await, [], "{scope}");
        if !scope.is_empty() {
            let other = queue.enqueue("another").await;
            let claim = queue.claim_one().await;
            assert_eq!(claim.id, other, "{scope}");
            queue.complete(&claim).await;
        }
        queue.0.text("SELECT crier.reload_queue()").await;
        assert_eq!(queue.claim(5).await, [], "expected {scope} to be paused after a restart too");
        let resume = format!("SELECT crier.resume_jobs({scope})");
        queue.0.run(&format!("BEGIN; {resume}; ROLLBACK")).await;
        assert_eq!(queue.claim(5).await, [], "expected a rollback to resume nothing: {scope}");
        assert_eq!(queue.0.text(&resume).await, "t");
        assert_eq!(queue.0.text(&resume).await, "f");
        let claims = queue.claim(5).await;
        assert_eq!(claims.iter().map(|claim| claim.id).collect::<Vec<_>>(), [id, late], "{scope}");
        for claim in claims {
            queue.complete(&claim).await;
        }
    }
}

#[tokio::test]
async fn what_does_not_fit_into_memory_comes_when_there_is_room() {
    let database = Database::private_with(&[("crier.queue_capacity", "1000")]).await;
    let queue = Queue::open(&database).await;
    let many: Value = (0..4_000).map(|n| json!({"kind": "k", "params": {"n": n}})).collect();
    let ids = queue.enqueue_many(&many).await;
    let urgent: Uuid = queue.0.value("SELECT crier.enqueue('k', priority => 5)", &[]).await;
    assert_eq!(queue.claim(1).await[0].id, urgent, "expected an urgent job to overtake the backlog");
    let far: Uuid =
        queue.0.value("SELECT crier.enqueue('k', run_at => now() + interval '2 hours')", &[]).await;
    let canceled: Vec<Uuid> = queue.0.column("SELECT crier.cancel_jobs($1)", &[&vec![ids[3_999], far]]).await;
    assert_eq!(canceled.len(), 2, "expected what is not in memory to be canceled too");
    let mut done = Vec::new();
    loop {
        let claims = queue.claim(300).await;
        if claims.is_empty() {
            break;
        }
        for claim in &claims {
            done.push(claim.id);
        }
        let (ids, tokens): (Vec<Uuid>, Vec<i64>) = claims.iter().map(|claim| (claim.id, claim.token)).unzip();
        let completed: Vec<Uuid> =
            queue.0.column("SELECT crier.complete_jobs($1, $2)", &[&ids, &tokens]).await;
        assert_eq!(completed.len(), claims.len());
    }
    assert_eq!(done, ids[..3_999], "expected every job once, in order");
}

#[tokio::test]
async fn a_kind_has_retries_of_its_own() {
    let queue = Queue::fresh().await;
    queue
        .0
        .run("INSERT INTO crier.job_kind (kind, max_attempts, first_delay, max_delay) VALUES ('k', 4, '10 minutes', '25 minutes')")
        .await;
    queue.enqueue("k").await;
    for minutes in [10.0, 20.0, 25.0] {
        let (status, wait) = queue.fail(&queue.claim_one().await, "transient").await.expect("accepted");
        let wait = wait.expect("a time") / 60.0;
        assert_eq!(status, "retrying");
        assert!((minutes - 0.5..=minutes).contains(&wait), "expected {minutes} min, got {wait}");
        crier_tests::backdoor::make_retries_due(&queue.0).await;
    }
    assert_eq!(queue.fail(&queue.claim_one().await, "transient").await, Some(("failed".into(), None)));
}
