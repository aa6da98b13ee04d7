//! A change of plan against a claim, a runner and another change: exactly one wins, and each learns which.

use crier_tests::session::Session;
use uuid::Uuid;

use super::Desk;

/// Claims whatever is due and publishes it, as a worker that is quick; how many it published.
async fn publish(session: &Session) -> usize {
    let mut published = 0;
    for row in session.rows("SELECT job_id, token FROM crier.claim_jobs('a test', 10)", &[]).await {
        let (job, token): (Uuid, i64) = (row.get(0), row.get(1));
        if session.rows("SELECT * FROM crier.start_target($1, $2)", &[&job, &token]).await.is_empty() {
            continue;
        }
        let (key, intent) = (job.to_string(), "SELECT * FROM crier.record_intent($1, $2, $3, 'request')");
        if session.rows(intent, &[&job, &token, &key]).await.is_empty() {
            continue;
        }
        let report = "SELECT target_state FROM crier.report_targets(ARRAY[$1::uuid], ARRAY[$2::bigint], ARRAY['published'], \
                      ARRAY[jsonb_build_object('external_id', $3::text)])";
        let state: String = session.value(report, &[&job, &token, &key]).await;
        assert_eq!(state, "published");
        published += 1;
    }
    published
}

async fn due_post(desk: &Desk) -> Uuid {
    let sql = "SELECT crier.create_post($1, 'soon', ARRAY[$2::uuid])";
    desk.sql.value(sql, &[&desk.workspace, &desk.alice]).await
}

/// What each round of a race came to: published by the worker, or changed in time.
async fn race(
    change: &'static str,
    rounds: usize,
    check: impl AsyncFn(&Desk, Uuid, &str, usize),
) -> (usize, usize) {
    let desk = Desk::new().await;
    let (changer, worker) = (desk.database.connect().await, desk.database.connect().await);
    let (mut published, mut changed) = (0, 0);
    for round in 0..rounds {
        let post = due_post(&desk).await;
        let change = change.replace("ID", &post.to_string());
        let (answer, done) = if round % 2 == 0 {
            tokio::join!(changer.text(&change), publish(&worker))
        } else {
            let (done, answer) = tokio::join!(publish(&worker), changer.text(&change));
            (answer, done)
        };
        check(&desk, post, &answer, done).await;
        published += usize::from(done > 0);
        changed += usize::from(done == 0);
    }
    (published, changed)
}

/// Enough for both to win often on any machine; CRIER_TEST_ROUNDS makes it more.
fn rounds() -> usize {
    std::env::var("CRIER_TEST_ROUNDS").map_or(300, |rounds| rounds.parse().expect("a number"))
}

#[tokio::test]
async fn a_cancel_or_the_worker_wins() {
    let (published, changed) =
        race("SELECT state FROM crier.cancel_post('ID')", rounds(), async |desk, post, answer, done| {
            let state = desk.state(post).await;
            match answer {
                "canceled" => assert_eq!((state.as_str(), done), ("canceled", 0)),
                // it was too late, and the caller knows
                "committing" | "published" => assert_eq!((state.as_str(), done), ("published", 1)),
                other => panic!("{other}, {done} published, now {state}"),
            }
        })
        .await;
    assert!(published > 0 && changed > 0, "{published} published, {changed} canceled");
}

#[tokio::test]
async fn another_time_or_the_worker_wins() {
    let change = "SELECT state FROM crier.reschedule_post('ID', now() + interval '2 days')";
    let (published, changed) = race(change, rounds(), async |desk, post, answer, done| {
        let targets = desk.targets(post).await;
        match answer {
            "scheduled" => assert_eq!((targets.as_str(), done), ("alice.test|0|scheduled|f", 0)),
            "committing" | "published" => {
                assert_eq!((targets.as_str(), done), ("alice.test|0|published|f", 1))
            }
            other => panic!("{other}, {done} published, now {targets}"),
        }
    })
    .await;
    assert!(published > 0 && changed > 0, "{published} published, {changed} moved");
}

#[tokio::test]
async fn an_edit_and_what_runs_due_leave_one_job() {
    let desk = Desk::new().await;
    let (changer, runner) = (desk.database.connect().await, desk.database.connect().await);
    for round in 0..rounds() {
        let sql = "SELECT crier.create_post($1, 'later', ARRAY[$2::uuid], now() + interval '2 hours')";
        let post: Uuid = desk.sql.value(sql, &[&desk.workspace, &desk.alice]).await;
        let edit = format!("SELECT state FROM crier.update_post('{post}', 'edited {round}')");
        let run = "SELECT targets FROM crier.run_due(p_ahead => '3 hours')";
        let (edited, ran) = tokio::join!(changer.text(&edit), runner.text(run));
        assert_eq!(edited, "scheduled");
        // whoever came second found what the first had left
        desk.sql.run(run).await;
        assert_eq!(
            desk.targets(post).await,
            "alice.test|0|scheduled|t",
            "round {round}, the runner had {ran}"
        );
        let of_post = format!(
            "SELECT count(*) FROM crier.jobs WHERE finished_at IS NULL AND params ->> 'post_id' = '{post}'"
        );
        assert_eq!(desk.sql.text(&of_post).await, "1", "round {round}");
    }
}

#[tokio::test]
async fn two_changes_at_once_leave_one_plan() {
    let desk = Desk::new().await;
    let (one, other) = (desk.database.connect().await, desk.database.connect().await);
    for round in 0..rounds() / 3 {
        let post = due_post(&desk).await;
        let edit = format!("SELECT count(*) FROM crier.update_post('{post}', 'edited {round}')");
        let cancel = format!("SELECT count(*) FROM crier.cancel_post('{post}')");
        tokio::join!(one.text(&edit), other.text(&cancel));
        assert_eq!(desk.targets(post).await, "alice.test|0|canceled|f", "round {round}");
        assert_eq!(desk.jobs().await, 0, "round {round}");
    }
}
