//! What is planned for later waits in the tables, and gets one job when it is due soon.

use super::Desk;

const RUN: &str =
    "SELECT targets, more FROM crier.run_due(p_limit => $1, p_ahead => '0', p_now => $2::text::timestamptz)";

#[tokio::test]
async fn what_is_due_later_has_no_job_until_it_is_due_soon() {
    let desk = Desk::new().await;
    let far = desk.post(", now() + interval '61 minutes'").await;
    let near = desk.post(", now() + interval '59 minutes'").await;
    assert_eq!(desk.targets(far).await, "alice.test|0|scheduled|f\nbob.test|0|scheduled|f");
    assert_eq!(desk.targets(near).await, "alice.test|0|scheduled|t\nbob.test|0|scheduled|t");
    let next = "SELECT targets, next_due = (SELECT scheduled_at FROM crier.posts WHERE id = '{}') FROM crier.run_due()";
    assert_eq!(desk.sql.text(&next.replace("{}", &far.to_string())).await, "0|t");
    desk.sql
        .run("UPDATE crier.post_target SET due_at = due_at - interval '2 minutes' WHERE job_id IS NULL")
        .await;
    assert_eq!(desk.sql.text("SELECT targets, next_due, more FROM crier.run_due()").await, "2|∅|f");
    assert_eq!(desk.targets(far).await, "alice.test|0|scheduled|t\nbob.test|0|scheduled|t");
    // its job runs when it is due, not before
    let times = "SELECT count(*) FROM crier.jobs j JOIN crier.post_target t ON t.job_id = j.id WHERE j.run_at = t.due_at AND j.run_at > now()";
    assert_eq!(desk.sql.text(times).await, "4");
    assert_eq!(desk.sql.text("SELECT targets FROM crier.run_due()").await, "0");
}

#[tokio::test]
async fn any_number_run_it_and_each_target_gets_one_job() {
    const POSTS: i64 = 500;
    let desk = Desk::new().await;
    let many = "SELECT crier.create_post($1, 'one of many', ARRAY[$2::uuid], now() + i * interval '1 hour') \
                FROM generate_series(2, 1 + $3::bigint) AS i";
    desk.sql.rows(many, &[&desk.workspace, &desk.alice, &POSTS]).await;
    let in_a_month = desk.sql.text("SELECT now() + interval '30 days'").await;
    let mut runners = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (session, at) = (desk.database.connect().await, in_a_month.clone());
        runners.spawn(async move {
            let mut moved = 0;
            loop {
                let row = session.row(RUN, &[&7_i32, &at]).await;
                let (targets, more): (i64, bool) = (row.get(0), row.get(1));
                moved += targets;
                if !more {
                    return moved;
                }
            }
        });
    }
    let moved: i64 = runners.join_all().await.into_iter().sum();
    assert_eq!(moved, POSTS);
    assert_eq!(desk.jobs().await, POSTS);
    let targets: i64 = desk
        .sql
        .value("SELECT count(DISTINCT job_id) FROM crier.post_target WHERE job_id IS NOT NULL", &[])
        .await;
    assert_eq!(targets, POSTS);
}

#[tokio::test]
async fn the_sidecar_runs_it() {
    let sim = crier_tests::sim::Sim::start();
    let stage =
        crier_tests::stage::Stage::on_simulator(&sim, crier_tests::cluster::Database::shared().await).await;
    let sql = "SELECT crier.create_post($1, 'long planned', ARRAY[$2::uuid], now() + interval '2 hours')";
    let post: uuid::Uuid = stage.sql.value(sql, &[&stage.workspace, &stage.account]).await;
    let _crierd = stage.deployment.start().await;
    // two hours pass
    stage.sql.run("UPDATE crier.post_target SET due_at = now()").await;
    stage.published(post).await;
    assert_eq!(sim.ledger().len(), 1);
}

#[tokio::test]
async fn a_deleted_workspace_gets_no_jobs() {
    let desk = Desk::new().await;
    desk.post(", now() + interval '2 hours'").await;
    desk.sql.run(&format!("SELECT crier.delete_workspace('{}')", desk.workspace)).await;
    let run = "SELECT targets FROM crier.run_due(p_now => now() + interval '1 day')";
    assert_eq!(desk.sql.text(run).await, "0");
}

#[tokio::test]
async fn higher_priority_comes_first_among_what_is_due() {
    let desk = Desk::new().await;
    for priority in [0, 50, -50] {
        let more = format!(", now() + interval '2 hours', priority => {priority}");
        desk.post(&more).await;
    }
    desk.sql.run("SELECT * FROM crier.run_due(p_now => now() + interval '3 hours')").await;
    let claimed = "SELECT j.priority FROM crier.claim_jobs('a test', 10) WITH ORDINALITY c JOIN crier.jobs j ON j.id = c.job_id \
                   ORDER BY c.ordinality";
    assert_eq!(desk.sql.text(claimed).await, "50\n50\n0\n0\n-50\n-50");
}
