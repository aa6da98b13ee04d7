//! What survives: a crash of a backend or of the whole server at any moment, and what is rebuilt is what was there.

use std::collections::BTreeMap;

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use serde_json::json;
use uuid::Uuid;

use super::Queue;

/// Jobs in every state, and what the view says of them, leases' ends left out.
async fn stage(queue: &Queue) -> BTreeMap<&'static str, Uuid> {
    let mut ids = BTreeMap::new();
    for name in ["completed", "failed", "canceled", "retrying", "snoozed", "running"] {
        let id = queue.enqueue(name).await;
        let claim = queue.claim_one().await;
        match name {
            "completed" => drop(queue.complete(&claim).await),
            "failed" => drop(queue.fail(&claim, "config").await),
            "canceled" => queue.0.run(&format!("SELECT crier.cancel_jobs(ARRAY['{id}'::uuid])")).await,
            "retrying" => drop(queue.fail(&claim, "transient").await),
            "snoozed" => drop(queue.snooze(&claim).await),
            _ => {}
        }
        ids.insert(name, id);
    }
    ids.insert("pending", queue.enqueue("pending").await);
    for (name, when) in [("near", "5 minutes"), ("far", "3 days")] {
        let sql = format!("SELECT crier.enqueue('{name}', run_at => now() + interval '{when}')");
        ids.insert(name, queue.0.value(&sql, &[]).await);
    }
    ids
}

const ALL: &str = "SELECT jsonb_agg(to_jsonb(j) - 'lease_expires_at' ORDER BY id) FROM crier.jobs j";

async fn check(queue: &Queue, ids: &BTreeMap<&'static str, Uuid>, before: &str) {
    assert_eq!(queue.0.text(ALL).await, before);
    assert_eq!(queue.claim_one().await.id, ids["pending"], "expected only what is due and free");
    let next = queue.0.text("SELECT crier.next_run_at(ARRAY['far']) > now() + interval '2 days'").await;
    assert_eq!(next, "t");
    backdoor::make_all_due(&queue.0).await;
    let mut due: Vec<Uuid> = queue.claim(10).await.into_iter().map(|claim| claim.id).collect();
    let mut expected = vec![ids["retrying"], ids["snoozed"], ids["near"], ids["far"]];
    due.sort();
    expected.sort();
    assert_eq!(due, expected);
}

#[tokio::test]
async fn a_crash_of_the_server_loses_nothing() {
    let database = Database::private_with(&[("fsync", "on")]).await;
    let queue = Queue::open(&database).await;
    let ids = stage(&queue).await;
    let before = queue.0.text(ALL).await;
    database.server().crash_and_restart();
    check(&Queue::open(&database).await, &ids, &before).await;
}

#[tokio::test]
async fn a_killed_backend_loses_nothing() {
    let database = Database::private().await;
    let (queue, victim) = (Queue::open(&database).await, Queue::open(&database).await);
    let ids = stage(&queue).await;
    let before = queue.0.text(ALL).await;
    victim.0.run("BEGIN; SELECT crier.enqueue('lost')").await;
    assert_eq!(victim.claim(2).await.len(), 2);
    let pid: i32 = victim.0.value("SELECT pg_backend_pid()", &[]).await;
    crier_tests::process::kill_hard(pid.unsigned_abs());
    // The server ends every session when it hears of it. One that is begun before that would be ended with them.
    let crashed = async || match queue.0.try_text("SELECT 1").await {
        Ok(answer) => Err(answer),
        Err(_) => Ok(()),
    };
    crier_tests::wait::wait_for("the server to end its sessions", crier_tests::wait::SOON, crashed).await;
    let again = crier_tests::wait::wait_for("the server to be back", crier_tests::wait::SOON, async || {
        let session = crier_tests::session::Session::try_connect(&database.url("postgres")).await?;
        session.try_text("SELECT crier.next_run_at()").await.map(|_| session)
    })
    .await;
    check(&Queue(again), &ids, &before).await;
}

#[tokio::test]
async fn reading_everything_again_changes_nothing() {
    let queue = Queue::fresh().await;
    let ids = stage(&queue).await;
    let before = queue.0.text(ALL).await;
    assert_eq!(
        queue.0.text("SELECT crier.reload_queue()").await,
        "5",
        "expected what is near to be in memory"
    );
    check(&queue, &ids, &before).await;
}

#[tokio::test]
async fn a_dead_workers_leases_end_at_once() {
    let queue = Queue::fresh().await;
    let ids = queue.enqueue_many(&json!([{"kind": "a"}, {"kind": "b"}])).await;
    let claim =
        |worker: &str| format!("SELECT job_id FROM crier.claim_jobs('{worker}', 1, lease => '1 hour')");
    queue.0.text(&claim("dead")).await;
    queue.0.text(&claim("alive")).await;
    assert_eq!(queue.0.text("SELECT crier.expire_leases('dead')").await, "1");
    assert_eq!(queue.0.text("SELECT crier.expire_leases('nobody')").await, "0");
    assert_eq!(queue.claim_one().await.id, ids[0]);
}

#[tokio::test]
async fn a_standby_answers_reads_and_goes_on_when_it_is_promoted() {
    let database = Database::private().await;
    let queue = Queue::open(&database).await;
    let ids = queue.enqueue_many(&json!([{"kind": "a"}, {"kind": "b"}, {"kind": "c"}])).await;
    let claims = queue.claim(2).await;
    queue.complete(&claims[0]).await;
    let standby = database.server().standby();
    let replica = Queue(standby.connect(database.name()).await);
    let states = "SELECT string_agg(state, ' ' ORDER BY id) FROM crier.jobs";
    crier_tests::wait::wait_until("the standby's jobs", "completed pending pending".to_owned(), async || {
        replica.0.text(states).await
    })
    .await;
    assert_eq!(replica.0.text("SELECT count(*) FROM crier.dead_jobs()").await, "0");
    for call in ["enqueue('a')", "claim_jobs('w')", "next_run_at()", "reload_queue()", "checkpoint_queue()"] {
        let refused = replica.0.refusal(&format!("SELECT crier.{call}")).await;
        assert_eq!(
            (refused.code.as_str(), refused.detail.as_str()),
            ("25006", "standby"),
            "{call}: {refused}"
        );
    }
    database.server().stop("immediate");
    standby.promote();
    assert_eq!(replica.0.text(states).await, "completed running pending");
    assert_eq!(replica.claim_one().await.id, ids[2], "expected the lease of the other to be known");
    assert_eq!(replica.complete(&claims[1]).await, [ids[1]]);
}

#[tokio::test]
async fn without_the_library_at_the_start_the_queue_says_what_to_do() {
    let database = Database::private_with(&[("shared_preload_libraries", "")]).await;
    let queue = Queue::open(&database).await;
    for call in [
        "enqueue('a')",
        "claim_jobs('w')",
        "cancel_jobs(ARRAY[crier.new_id()])",
        "reload_queue()",
        "pause_jobs()",
    ] {
        let refused = queue.0.refusal(&format!("SELECT crier.{call}")).await;
        assert_eq!(
            (refused.code.as_str(), refused.detail.as_str()),
            ("55000", "not_preloaded"),
            "{call}: {refused}"
        );
        assert!(refused.hint.contains("shared_preload_libraries"), "{refused}");
    }
    assert_eq!(queue.0.text("SELECT count(*) FROM crier.jobs").await, "0", "expected reading to work");
}
