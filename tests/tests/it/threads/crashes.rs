//! A thread goes on where it was, whatever dies in between.

use crier_tests::cluster::Server;
use crier_tests::crierd::finish;
use crier_tests::stage::dummy_account;
use crier_tests::wait::wait_until;

use super::*;

async fn held(sim: &Sim) {
    wait_until("the number of held answers", 1, async || sim.held()).await;
}

#[tokio::test]
async fn killed_in_the_middle_of_a_thread() {
    let (sim, stage) = simulated().await;
    for good in [0, 1, 2] {
        fault_after(&sim, good, PUT, Fault::HoldAfterCommit);
        let before = sim.ledger().len();
        let crierd = stage.deployment.start().await;
        let post = thread(&stage, "one", &json!(["two", "three"])).await;
        held(&sim).await;
        crierd.kill();
        sim.release();
        backdoor::lapse_leases(&stage.sql).await;
        let other = stage.deployment.start().await;
        published(&stage, post, 3).await;
        other.kill();
        let texts: Vec<_> = sim.ledger().split_off(before).into_iter().map(|entry| entry.text).collect();
        assert_eq!(texts, ["one", "two", "three"], "killed while part {good} was out");
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_after_the_commit_of_a_part() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    fault_after(&sim, 1, PUT, Fault::DropAfterCommit);
    // nor does the look tell at once
    sim.plan(Rule::once("bluesky", LOOK, Fault::Delay).seconds(0.0));
    sim.plan(Rule::once("bluesky", LOOK, Fault::ServerError));
    let post = three_parts(&stage).await;
    published(&stage, post, 3).await;
    in_a_row(&sim, &["one", "two", "three"]);
    assert_eq!(sim.calls(PUT), 3, "expected nothing to be sent again");
}

#[tokio::test]
async fn a_late_answer_has_no_second_part_published() {
    let (sim, stage) = simulated().await;
    sim.fault(PUT, Fault::HoldAfterCommit);
    let zombie = stage.deployment.start().await;
    let post = thread(&stage, "one", &json!(["two"])).await;
    held(&sim).await;
    zombie.freeze();
    backdoor::lapse_leases(&stage.sql).await;
    let _other = stage.deployment.start().await;
    published(&stage, post, 2).await;
    zombie.thaw();
    sim.release();
    zombie.terminate();
    assert!(zombie.ended().await.success());
    in_a_row(&sim, &["one", "two"]);
    assert_eq!(stage.sql.text("SELECT count(*) FROM crier.jobs").await, "2");
}

#[tokio::test]
async fn the_database_crashes_between_two_parts() {
    let sim = Sim::start();
    let mut stage = Stage::on_simulator(&sim, Database::private().await).await;
    stage.without_pace().await;
    let _crierd = stage.deployment.start().await;
    fault_after(&sim, 1, PUT, Fault::HoldAfterCommit);
    let post = thread(&stage, "one", &json!(["two", "three"])).await;
    held(&sim).await;
    stage.database.server().crash_and_restart();
    sim.release();
    stage.reconnect().await;
    published(&stage, post, 3).await;
    in_a_row(&sim, &["one", "two", "three"]);
}

#[tokio::test]
async fn a_restored_thread_waits_as_everything_does_and_goes_on() {
    let origin = Database::shared().await;
    let session = origin.connect().await;
    let workspace = crier_tests::stage::create_workspace(&session).await;
    let account = dummy_account(&session, workspace, "alice.test").await;
    let post: Uuid = session
        .value(
            "SELECT crier.create_post($1, 'one', ARRAY[$2::uuid], thread => '[\"two\"]')",
            &[&workspace, &account],
        )
        .await;
    let target = Server::bare();
    target.connect("postgres").await.run("CREATE DATABASE restored").await;
    let dump = finish(&mut origin.server().client("pg_dump", origin.name()), "");
    let mut psql = target.client("psql", "restored");
    let restore = finish(psql.args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"]), &dump.stdout);
    assert!(restore.status.success(), "{}", restore.stderr);

    let restored = target.connect("restored").await;
    restored.run("SELECT count(*) FROM crier.migrate()").await;
    let states = format!(
        "SELECT string_agg(state, ' ' ORDER BY part) FROM crier.post_target WHERE post_id = '{post}'"
    );
    let claim = "SELECT job_id, token FROM crier.claim_jobs('w', 100)";
    assert_eq!(
        (restored.text(&states).await.as_str(), restored.text(claim).await.as_str()),
        ("scheduled waiting", "")
    );
    restored.run("SELECT crier.adopt_database()").await;
    restored.run("UPDATE crier.platform_policy SET account_gap = NULL").await;
    for (part, after) in [("one", "published queued"), ("two", "published published")] {
        let row = restored.row(claim, &[]).await;
        let (job, token): (Uuid, i64) = (row.get(0), row.get(1));
        let start = "SELECT content || ' ' || coalesce(reply_to, '') FROM crier.start_target($1, $2)";
        let started: String = restored.value(start, &[&job, &token]).await;
        assert_eq!(started, if part == "one" { "one " } else { "two at://one" });
        restored.rows("SELECT crier.record_intent($1, $2, 'key', '{}')", &[&job, &token]).await;
        let report = "SELECT crier.report_targets(ARRAY[$1::uuid], ARRAY[$2::bigint], '{published}', ARRAY[$3::jsonb])";
        let detail = json!({"external_id": format!("at://{part}"), "url": "https://x.example/"});
        restored.rows(report, &[&job, &token, &detail]).await;
        assert_eq!(restored.text(&states).await, after);
    }
    assert_eq!(session.text(&states).await, "scheduled waiting", "the origin is as it was");
}
