//! Messages: nothing on a platform tells whether one was sent, so none is sent twice, and where that is not known it is said.

use crier_tests::backdoor;
use crier_tests::crierd::Crierd;
use crier_tests::sim::fault::Fault;
use crier_tests::wait::{wait_for, wait_until};
use serde_json::json;
use uuid::Uuid;

use super::On;

/// The call that sends a message.
fn call(on: &On) -> &'static str {
    if on.platform == "x" { "dm.create" } else { "statuses.create" }
}

/// The text as the ledger has it.
fn written(on: &On, text: &str) -> String {
    if on.platform == "x" { text.to_owned() } else { format!("@bob {text}") }
}

async fn platforms() -> [On; 2] {
    [On::x().await, On::mastodon().await]
}

#[tokio::test]
async fn with_any_fault_there_is_at_most_one_and_the_state_says_the_truth() {
    for on in platforms().await {
        on.stage.sql.run("UPDATE crier.platform_policy SET breaker_failures = NULL").await;
        let _crierd = on.start().await;
        // X can refresh; Mastodon's tokens are good until they are taken back
        let renewed = [
            (Fault::Unauthorized, "done", 1),
            (Fault::ExpiredToken, "done", 1),
            (Fault::OddError, "done", 1),
        ];
        let renewed = renewed.into_iter().filter(|_| on.platform == "x");
        for (fault, state, sent) in [
            (Fault::DropBeforeCommit, "unconfirmed", 0),
            (Fault::DropAfterCommit, "unconfirmed", 1),
            (Fault::ServerError, "unconfirmed", 0),
            (Fault::ServerErrorAfterCommit, "unconfirmed", 1),
            (Fault::Garbage, "unconfirmed", 1),
            (Fault::ErrorInSuccess, "unconfirmed", 0),
            (Fault::RateLimited, "done", 1),
            (Fault::NulError, "failed", 0),
            (Fault::Delay, "done", 1),
            (Fault::VisibleLater, "done", 1),
        ]
        .into_iter()
        .chain(renewed)
        {
            let text = format!("{fault:?}");
            on.fault(call(&on), fault);
            let calls = on.sim.calls(call(&on));
            let message = on.ended(on.message(&text).await).await;
            assert_eq!(message["state"], state, "{fault:?} on {}: {message}", on.platform);
            assert_eq!(on.count(&written(&on, &text)), sent, "{fault:?} on {}: {message}", on.platform);
            assert_eq!(on.sim.faults_left(), 0, "{fault:?}");
            let again = usize::from(state == "done" && !matches!(fault, Fault::Delay | Fault::VisibleLater));
            assert_eq!(on.sim.calls(call(&on)) - calls, 1 + again, "{fault:?} on {}", on.platform);
            if state == "unconfirmed" {
                assert_eq!(message["error"]["class"], "outcome_unknown", "{message}");
            }
        }
        let (jobs, calls) = (
            on.stage.sql.text("SELECT state FROM crier.jobs WHERE state = 'failed'").await,
            on.sim.calls(call(&on)),
        );
        assert_eq!(jobs.lines().count(), 7, "expected the unclear ones and the refused one to be over");
        // nobody runs them again, whoever asks
        let retried = "SELECT count(*) FROM crier.retry_jobs(ARRAY(SELECT id FROM crier.jobs)), crier.retry_failed_jobs()";
        assert_eq!(on.stage.sql.text(retried).await, "0");
        assert_eq!(on.sim.calls(call(&on)), calls);
        let log = on.stage.deployment.logs();
        for secret in on.sim.issued_tokens() {
            assert!(!log.contains(&secret), "a token is in the log");
        }
    }
}

/// Waits until the platform has sent a message and holds its answer back; its id.
async fn held(on: &On, text: &str) -> (Uuid, Crierd) {
    on.fault(call(on), Fault::HoldAfterCommit);
    let crierd = on.start().await;
    let message = on.message(text).await;
    wait_until("the number of held answers", 1, async || on.sim.held()).await;
    assert_eq!(on.action(message).await["state"], "sending");
    (message, crierd)
}

#[tokio::test]
async fn killed_while_the_answer_is_held_it_is_never_sent_again() {
    for on in platforms().await {
        let (message, crierd) = held(&on, "once").await;
        crierd.kill();
        on.sim.release();
        backdoor::lapse_leases(&on.stage.sql).await;
        let _crierd = on.start().await;
        let ended = on.ended(message).await;
        assert_eq!((&ended["state"], &ended["attempts"]), (&json!("unconfirmed"), &json!(1)), "{ended}");
        assert_eq!(ended["error"]["class"], "lease_lost", "{ended}");
        // what comes later is done, so the sidecar has had its turn
        on.done(on.message("another").await).await;
        assert_eq!((on.count(&written(&on, "once")), on.sim.calls(call(&on))), (1, 2), "{ended}");
    }
}

#[tokio::test]
async fn without_the_durable_record_there_would_be_two() {
    let on = On::x().await;
    let (message, crierd) = held(&on, "twice").await;
    crierd.kill();
    on.sim.release();
    backdoor::forget_sending(&on.stage.sql, message).await;
    backdoor::lapse_leases(&on.stage.sql).await;
    let _crierd = on.start().await;
    on.done(message).await;
    assert_eq!(on.count("twice"), 2, "expected the check to see what the record is there for");
}

#[tokio::test]
async fn a_server_that_crashes_remembers_what_was_being_sent() {
    let on = On::x().await;
    let (message, crierd) = held(&on, "once").await;
    crierd.kill();
    on.sim.release();
    on.stage.sql.text("SELECT crier.reload_queue()").await;
    backdoor::lapse_leases(&on.stage.sql).await;
    let _crierd = on.start().await;
    assert_eq!(on.ended(message).await["state"], "unconfirmed");
    assert_eq!((on.count("once"), on.sim.calls(call(&on))), (1, 1));
}

#[tokio::test]
async fn a_late_answer_of_a_lost_lease_changes_nothing() {
    let on = On::x().await;
    let (message, crierd) = held(&on, "late").await;
    crierd.freeze();
    backdoor::lapse_leases(&on.stage.sql).await;
    let _other = on.start().await;
    assert_eq!(on.ended(message).await["state"], "unconfirmed");
    on.sim.release();
    crierd.thaw();
    wait_for("the first sidecar to notice", crier_tests::wait::SOON, async || {
        let log = crierd.log();
        if log.contains("no longer ours") { Ok(()) } else { Err(log.len()) }
    })
    .await;
    assert_eq!(on.action(message).await["state"], "unconfirmed");
    assert_eq!((on.count("late"), on.sim.calls(call(&on))), (1, 1));
}

#[tokio::test]
async fn what_is_being_sent_can_not_be_canceled_and_what_waits_can() {
    let on = On::mastodon().await;
    let (message, _crierd) = held(&on, "too late").await;
    let cancel = async |id: Uuid| -> Vec<Uuid> {
        let sql = "SELECT crier.cancel_jobs(ARRAY[(crier.get_action($1) ->> 'job_id')::uuid])";
        on.stage.sql.column(sql, &[&id]).await
    };
    assert!(cancel(message).await.is_empty());
    on.sim.release();
    let done = on.done(message).await;
    let entry = &on.sim.visible("@bob too late")[0];
    assert_eq!((&done["url"], &entry.key), (&json!(entry.uri), &message.to_string()), "{done}");

    let later: Uuid = on
        .stage
        .sql
        .value(
            "SELECT crier.act($1, 'send_dm', '@bob', 'later', now() + interval '1 day')",
            &[&on.stage.account],
        )
        .await;
    assert_eq!(on.action(later).await["state"], "waiting");
    assert_eq!(cancel(later).await.len(), 1);
    assert_eq!(on.action(later).await["state"], "canceled");
}

#[tokio::test]
async fn a_person_says_whether_it_was_sent() {
    let on = On::x().await;
    let _crierd = on.start().await;
    let resolve = async |id: Uuid, outcome: &str| {
        on.stage.sql.try_text(&format!("SELECT crier.resolve_action('{id}', '{outcome}')")).await
    };
    on.fault(call(&on), Fault::DropBeforeCommit);
    let absent = on.message("not sent").await;
    assert_eq!(on.ended(absent).await["state"], "unconfirmed");
    assert_eq!(resolve(absent, "absent").await.expect("accepted"), "waiting");
    on.done(absent).await;
    assert_eq!((on.count("not sent"), on.sim.calls(call(&on))), (1, 2));

    on.fault(call(&on), Fault::DropAfterCommit);
    let sent = on.message("sent").await;
    assert_eq!(on.ended(sent).await["state"], "unconfirmed");
    assert_eq!(resolve(sent, "done").await.expect("accepted"), "done");
    for outcome in ["done", "absent"] {
        let refusal = resolve(sent, outcome).await.expect_err("it is resolved");
        assert_eq!(refusal.code, "22023", "{refusal}");
        assert!(refusal.message.contains("is done, not unconfirmed"), "{refusal}");
    }
    assert_eq!((on.count("sent"), on.sim.calls(call(&on))), (1, 3));
}

#[tokio::test]
async fn the_same_words_twice_are_two_messages() {
    for on in platforms().await {
        let _crierd = on.start().await;
        for _ in 0..2 {
            on.done(on.message("hello").await).await;
        }
        assert_eq!(on.count(&written(&on, "hello")), 2, "on {}", on.platform);
    }
}

#[tokio::test]
async fn an_ended_token_is_renewed_before_anything_is_sent() {
    let on = On::x().await;
    on.sim.be_strict();
    let _crierd = on.start().await;
    on.sim.platform("x").expire("alice");
    let message = on.done(on.message("after a refresh").await).await;
    assert_eq!((&message["attempts"], on.sim.calls("oauth2.token")), (&json!(1), 1), "{message}");
    assert_eq!(on.count("after a refresh"), 1);
}

#[tokio::test]
async fn too_many_parks_messages_and_nothing_else() {
    for on in platforms().await {
        let _crierd = on.start().await;
        on.fault(call(&on), Fault::RateLimited);
        let message = on.message("slowly").await;
        let block = "SELECT account_id = (SELECT id FROM crier.accounts), action FROM crier.blocks";
        wait_until("the block", "t|dm".to_owned(), async || on.stage.sql.text(block).await).await;
        on.done(message).await;
        assert_eq!(on.count(&written(&on, "slowly")), 1);
    }
}
