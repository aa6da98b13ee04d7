//! Posts of one account that read the same, on a platform where only text and time tell them apart: each has one post there,
//! and none has another's.

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::session::Session;
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::sim::mastodon::NAME;
use crier_tests::stage::{Stage, create_workspace, dummy_account};
use crier_tests::wait::wait_until;
use serde_json::{Value, json};
use uuid::Uuid;

const CREATE: &str = "statuses.create";
const LIST: &str = "accounts.statuses";
const TEXT: &str = "good morning";

/// An account on a server that keeps no keys: what was sent can only be read back.
async fn simulated() -> (Sim, Stage) {
    let sim = Sim::start();
    let stage = Stage::on_mastodon(&sim, Database::shared().await).await;
    stage.without_pace().await;
    stage.sql.run("UPDATE crier.platform_policy SET breaker_failures = NULL").await;
    sim.platform(NAME).set(&json!({"keys": "ignored"})).expect("settings");
    (sim, stage)
}

/// Two posts, of which the server has one; nobody knows of either what came of it.
async fn two_unclear(sim: &Sim, stage: &Stage) -> [Uuid; 2] {
    sim.plan(Rule::once(NAME, CREATE, Fault::DropAfterCommit));
    sim.plan(Rule::once(NAME, CREATE, Fault::DropBeforeCommit));
    sim.plan(Rule::once(NAME, LIST, Fault::ServerError).times(2));
    let posts = [stage.post(TEXT).await, stage.post(TEXT).await];
    for post in posts {
        let state = async || stage.target(post).await["state"].clone();
        wait_until("the state of the target", json!("unknown"), state).await;
    }
    assert_eq!((sim.visible(TEXT).len(), sim.calls(CREATE)), (1, 2));
    posts
}

async fn ids(stage: &Stage, posts: [Uuid; 2]) -> Vec<Value> {
    let mut ids = vec![];
    for post in posts {
        let target = stage.ended(post).await;
        assert_eq!(target["state"], "published", "{target}");
        ids.push(target["external_id"].clone());
    }
    ids
}

#[tokio::test]
async fn of_two_unclear_sends_one_has_the_post_and_the_other_is_sent_again() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let posts = two_unclear(&sim, &stage).await;
    let ids = ids(&stage, posts).await;
    assert_ne!(ids[0], ids[1]);
    assert_eq!((sim.visible(TEXT).len(), sim.calls(CREATE)), (2, 3));
}

#[tokio::test]
async fn the_post_of_an_earlier_target_is_not_what_a_later_one_sent() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let first = stage.post(TEXT).await;
    stage.ended(first).await;
    sim.plan(Rule::once(NAME, CREATE, Fault::DropBeforeCommit));
    let second = stage.post(TEXT).await;
    let ids = ids(&stage, [first, second]).await;
    assert_ne!(ids[0], ids[1]);
    assert_eq!((sim.visible(TEXT).len(), sim.calls(CREATE)), (2, 3));
}

#[tokio::test]
async fn who_knows_of_no_other_target_is_not_believed() {
    // the negative control of the look: the database is told the same post twice, and takes it for one
    let (sim, stage) = simulated().await;
    stage
        .sql
        .run(
            "CREATE OR REPLACE FUNCTION crier.taken_posts(job_id uuid, external_ids text[]) \
             RETURNS TABLE (external_id text, intent_at timestamptz) LANGUAGE sql STABLE SECURITY DEFINER \
             SET search_path = pg_catalog, pg_temp AS 'SELECT NULL::text, NULL::timestamptz WHERE false'",
        )
        .await;
    let _crierd = stage.deployment.start().await;
    let posts = two_unclear(&sim, &stage).await;
    let mut states = vec![];
    for post in posts {
        states.push(stage.ended(post).await["state"].as_str().unwrap_or_default().to_owned());
    }
    states.sort();
    assert_eq!(states, ["published", "unconfirmed"]);
    assert_eq!((sim.visible(TEXT).len(), sim.calls(CREATE)), (1, 2));
}

/// Targets that were sent, of as many posts, each held by a worker: job and token.
async fn sent(sql: &Session, targets: i64) -> Vec<(Uuid, i64)> {
    let workspace = create_workspace(sql).await;
    let account = dummy_account(sql, workspace, "alice.test").await;
    sql.run(
        "UPDATE crier.platform_policy SET account_gap = NULL, account_concurrency = NULL; DELETE FROM crier.platform_limit",
    )
    .await;
    let create = "SELECT crier.create_post($1, 'x', ARRAY[$2::uuid]) FROM generate_series(1, $3::bigint)";
    sql.rows(create, &[&workspace, &account, &targets]).await;
    let claimed = sql.rows("SELECT job_id, token FROM crier.claim_jobs('w', 10)", &[]).await;
    let jobs: Vec<(Uuid, i64)> = claimed.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(i64::try_from(jobs.len()), Ok(targets), "expected every job to be handed out");
    for (job, token) in &jobs {
        sql.rows("SELECT * FROM crier.start_target($1, $2)", &[job, token]).await;
        sql.rows("SELECT * FROM crier.record_intent($1, $2, 'k', 'r')", &[job, token]).await;
    }
    jobs
}

/// The report that these jobs' targets are published, all as the same post.
fn report(jobs: &[(Uuid, i64)]) -> String {
    report_as(jobs, "at://x")
}

/// The same of a post with this name.
fn report_as(jobs: &[(Uuid, i64)], name: &str) -> String {
    let list = |of: &dyn Fn(&(Uuid, i64)) -> String| jobs.iter().map(of).collect::<Vec<_>>().join(", ");
    format!(
        "SELECT target_state, job_status FROM crier.report_targets(ARRAY[{}]::uuid[], ARRAY[{}]::bigint[], ARRAY[{}], \
         ARRAY[{}]::jsonb[])",
        list(&|(job, _)| format!("'{job}'")),
        list(&|(_, token)| token.to_string()),
        list(&|_| "'published'".into()),
        list(&|_| format!("'{}'", json!({"external_id": name, "url": "https://x"}))),
    )
}

#[tokio::test]
async fn two_reports_of_one_post_at_the_same_time_are_one_post() {
    let database = Database::shared().await;
    let (one, two, sql) = (database.connect().await, database.connect().await, database.connect().await);
    let jobs = sent(&sql, 2).await;
    one.run("BEGIN").await;
    assert_eq!(one.text(&report(&jobs[..1])).await, "published|completed");
    let other = report(&jobs[1..]);
    let waits = async {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'";
        wait_until("the second report waiting", "1".to_owned(), async || sql.text(waiting).await).await;
        one.run("COMMIT").await;
    };
    let (told, ()) = tokio::join!(two.text(&other), waits);
    assert_eq!(told, "unknown|retrying");
    let error = "SELECT state, external_id, error ->> 'class' FROM crier.post_target ORDER BY state";
    assert_eq!(sql.text(error).await, "published|at://x|∅\nunknown|∅|outcome_unknown");
    let events = "SELECT kind, count(*) FROM crier.events WHERE kind LIKE 'post_%' GROUP BY 1";
    assert_eq!(sql.text(events).await, "post_published|1");
    // the one that has it may say so again, and the other one still does not have it
    assert_eq!(two.text(&other).await, "", "expected the lease to have ended");
}

#[tokio::test]
async fn one_report_that_names_a_post_twice_has_it_once() {
    let sql = Database::shared().await.connect().await;
    let jobs = sent(&sql, 3).await;
    let told = sql.text(&format!("{} ORDER BY 1", report(&jobs))).await;
    assert_eq!(told, "published|completed\nunknown|retrying\nunknown|retrying");
    // without the check the index refuses it: no two targets ever have one post
    let twice =
        "UPDATE crier.post_target SET state = 'published', published_at = now(), external_id = 'at://x'";
    assert_eq!(sql.refusal(twice).await.code, "23505");
    let long = "UPDATE crier.post_target SET external_id = repeat('\u{1f600}', 500)";
    assert_eq!(sql.refusal(long).await.code, "23505", "expected the longest id to fit the index");
}

#[tokio::test]
async fn a_name_that_is_too_long_to_be_kept_is_left_to_a_person() {
    let sql = Database::shared().await.connect().await;
    let jobs = sent(&sql, 3).await;
    // cut, the two would be one
    let begin = "x".repeat(500);
    for (job, end) in jobs.iter().zip(["a", "b"]) {
        let name = format!("{begin}{}", end.repeat(100));
        assert_eq!(sql.text(&report_as(&[*job], &name)).await, "unconfirmed|failed");
    }
    assert_eq!(sql.text(&report_as(&jobs[2..], &begin)).await, "published|completed");
    let kept = "SELECT state, count(external_id), count(*), bool_and(error @> '{\"unknowable\": true}') \
                FROM crier.post_target GROUP BY 1 ORDER BY 1";
    assert_eq!(sql.text(kept).await, "published|1|1|∅\nunconfirmed|0|2|t");
    // nothing is sent again, and a person's word is enough
    assert_eq!(sql.text("SELECT count(*) FROM crier.jobs WHERE finished_at IS NULL").await, "0");
    let resolve = "SELECT count(crier.resolve_target(id, 'published', 'https://x')) FROM crier.post_target \
                   WHERE state = 'unconfirmed'";
    assert_eq!(sql.text(resolve).await, "2");
    let states = "SELECT DISTINCT state FROM crier.post_target";
    assert_eq!(sql.text(states).await, "published");
}

#[tokio::test]
async fn whose_a_post_is_can_be_asked_of_the_own_account_only() {
    let sql = Database::shared().await.connect().await;
    let jobs = sent(&sql, 2).await;
    sql.text(&report(&jobs[..1])).await;
    let asked = async |job: Uuid| {
        let ask = format!(
            "SELECT external_id, intent_at IS NOT NULL FROM crier.taken_posts('{job}', '{{at://x,at://y}}')"
        );
        sql.text(&ask).await
    };
    assert_eq!(asked(jobs[1].0).await, "at://x|t");
    assert_eq!(asked(jobs[0].0).await, "", "expected its own post not to be another's");
    let elsewhere = sent(&sql, 1).await;
    assert_eq!(asked(elsewhere[0].0).await, "");
    assert_eq!(sql.text(&report(&elsewhere)).await, "published|completed");
    backdoor::lapse_leases(&sql).await;
}
