//! From the making of a schedule to its end.

use uuid::Uuid;

use super::Office;

/// Half past every hour: always within the hour that comes.
const HOURLY: &str = "'FREQ=HOURLY'";
const IN_HALF_AN_HOUR: &str =
    "date_trunc('second', (now() AT TIME ZONE 'Europe/Berlin') + interval '30 minutes')";

async fn hourly(office: &Office) -> Uuid {
    office.create("recurring", HOURLY, IN_HALF_AN_HOUR, "").await
}

#[tokio::test]
async fn what_is_due_within_the_hour_is_planned_at_once() {
    let office = Office::new().await;
    let schedule = hourly(&office).await;
    assert_eq!(office.posts(schedule).await, "again|scheduled");
    let on_time = "SELECT scheduled_at = (SELECT occurs_at FROM crier.schedule_occurrence) AND scheduled_at BETWEEN now() AND now() + interval '31 minutes' \
                   AND EXISTS (SELECT FROM crier.jobs j WHERE j.run_at = p.scheduled_at) FROM crier.posts p";
    assert_eq!(office.sql.text(on_time).await, "t");
    let next = "SELECT next_due - scheduled_at FROM crier.posts, crier.run_due()";
    assert_eq!(office.sql.text(next).await, "01:00:00");
    assert_eq!(office.run("now()").await, 0);
    assert_eq!(office.run("now() + interval '1 hour'").await, 1);
}

#[tokio::test]
async fn a_pause_takes_back_what_was_planned_and_what_lies_in_it_does_not_happen() {
    let office = Office::new().await;
    let schedule = hourly(&office).await;
    office.sql.run(&format!("SELECT crier.pause_schedule('{schedule}')")).await;
    assert_eq!((office.posts(schedule).await.as_str(), office.states(schedule).await.as_str()), ("", ""));
    assert_eq!(office.sql.text("SELECT count(*) FROM crier.jobs WHERE finished_at IS NULL").await, "0");
    assert_eq!(office.run("now() + interval '5 hours'").await, 0);
    // once more does no harm
    office.sql.run(&format!("SELECT crier.pause_schedule('{schedule}')")).await;
    let resume = format!(
        "SELECT at BETWEEN now() AND now() + interval '31 minutes' FROM crier.resume_schedule('{schedule}') AS at"
    );
    assert_eq!(office.sql.text(&resume).await, "t");
    assert_eq!(office.posts(schedule).await, "again|scheduled");
    office.sql.run(&format!("SELECT crier.end_schedule('{schedule}')")).await;
    assert_eq!(office.posts(schedule).await, "");
    for call in ["resume_schedule", "pause_schedule", "update_schedule", "add_schedule_items"] {
        let arguments = if call == "add_schedule_items" { ", '[]'" } else { "" };
        let refusal = office.sql.refusal(&format!("SELECT crier.{call}('{schedule}'{arguments})")).await;
        assert_eq!(refusal.code, "22023", "{call}: {refusal}");
    }
    assert_eq!(office.get(schedule).await["state"], "ended");
    let told: Vec<_> =
        ["created", "paused", "resumed", "ended"].map(|what| format!("schedule_{what}")).into();
    for kind in told {
        assert_eq!(office.events(&kind).await.len(), 1, "{kind}");
    }
}

#[tokio::test]
async fn a_change_is_about_what_comes() {
    let office = Office::new().await;
    let schedule = hourly(&office).await;
    office.run("now() + interval '2 hours'").await;
    assert_eq!(office.states(schedule).await, "made|3");
    // as if two of them had been, and somebody had written another text into the third
    let of = "FROM crier.schedule_occurrence o WHERE o.post_id = p.id";
    office.sql.run(&format!("UPDATE crier.schedule_occurrence SET occurs_at = occurs_at - interval '2 hours'; \
                             UPDATE crier.post p SET scheduled_at = o.occurs_at {of}; UPDATE crier.schedule SET cursor_at = cursor_at - interval '2 hours'")).await;
    let last = office.sql.text("SELECT id FROM crier.post ORDER BY scheduled_at DESC LIMIT 1").await;
    office.sql.run(&format!("SELECT * FROM crier.update_post('{last}', 'by hand')")).await;
    let template = office.template("\"content\": \"anew\"");
    office.sql.run(&format!("SELECT crier.update_schedule('{schedule}', '{template}')")).await;
    assert_eq!(office.posts(schedule).await, "again|scheduled\nagain|scheduled\nby hand|scheduled");
    office.run("now() + interval '50 minutes'").await;
    assert_eq!(
        office.posts(schedule).await,
        "again|scheduled\nagain|scheduled\nby hand|scheduled\nanew|scheduled"
    );
    // other times: what was planned for the old ones is gone, but for what was changed by hand
    office.sql.run(&format!("SELECT crier.update_schedule('{schedule}', rule => 'FREQ=HOURLY;INTERVAL=2', starts => {IN_HALF_AN_HOUR} + interval '20 minutes', name => 'other')")).await;
    assert_eq!(
        office.posts(schedule).await,
        "again|scheduled\nagain|scheduled\nby hand|scheduled\nanew|scheduled"
    );
    let at = "SELECT date_trunc('minute', scheduled_at + interval '30 seconds' - now()) FROM crier.posts WHERE content = 'anew'";
    assert_eq!(office.sql.text(at).await, "00:50:00");
    let next = "SELECT date_trunc('minute', next_at + interval '30 seconds' - now()) FROM crier.schedule";
    assert_eq!(office.sql.text(next).await, "02:50:00");
    // a stop leaves what somebody changed, canceled
    office.sql.run(&format!("SELECT crier.pause_schedule('{schedule}')")).await;
    assert_eq!(office.posts(schedule).await, "again|scheduled\nagain|scheduled\nby hand|canceled");
}

#[tokio::test]
async fn what_was_due_before_a_change_of_times_happens_as_it_was_planned() {
    let office = Office::new().await;
    let schedule = hourly(&office).await;
    // nobody ran what was due for three hours
    office.sql.run("DELETE FROM crier.post; DELETE FROM crier.schedule_occurrence; \
                    UPDATE crier.schedule SET cursor_at = cursor_at - interval '4 hours', cursor_wall = NULL, next_at = next_at - interval '3 hours', starts = starts - interval '3 hours'").await;
    office.sql.run(&format!("SELECT crier.update_schedule('{schedule}', rule => 'FREQ=DAILY', starts => {IN_HALF_AN_HOUR} + interval '10 minutes')")).await;
    assert_eq!(office.states(schedule).await, "made|4");
    let times = "SELECT round(extract(epoch FROM occurs_at - now()) / 60) FROM crier.schedule_occurrence ORDER BY occurs_at";
    assert_eq!(office.sql.text(times).await.replace('\n', " "), "-150 -90 -30 40");
}

#[tokio::test]
async fn a_single_one_ends_with_its_occurrence() {
    let office = Office::new().await;
    let schedule =
        office.create("single", "NULL", IN_HALF_AN_HOUR, ", priority => 7, name => 'launch'").await;
    assert_eq!(office.posts(schedule).await, "again|scheduled");
    assert_eq!(office.sql.text("SELECT state, next_at FROM crier.schedule").await, "ended|∅");
    assert_eq!(office.sql.text("SELECT priority FROM crier.posts").await, "7");
    // the post is one as any other
    let post = office.sql.text("SELECT id FROM crier.posts").await;
    assert_eq!(office.sql.text(&format!("SELECT state FROM crier.cancel_post('{post}')")).await, "canceled");
}

#[tokio::test]
async fn rules_end_as_they_say() {
    let office = Office::new().await;
    let counted = office.create("recurring", "'FREQ=DAILY;COUNT=3'", IN_HALF_AN_HOUR, "").await;
    let until = office.create("recurring", "'FREQ=DAILY'", IN_HALF_AN_HOUR, ", ends => now()::timestamp + interval '60 hours', exceptions => ARRAY[((now() AT TIME ZONE 'Europe/Berlin') + interval '30 minutes')::date::text]").await;
    office.run("now() + interval '1 year'").await;
    assert_eq!(
        (office.states(counted).await.as_str(), office.states(until).await.as_str()),
        ("made|3", "made|2")
    );
    assert_eq!(office.sql.text("SELECT DISTINCT state FROM crier.schedule").await, "ended");
    assert_eq!(office.events("schedule_ended").await.len(), 2);
}

#[tokio::test]
async fn posts_of_schedules_are_reviewed_where_posts_are() {
    let office = Office::new().await;
    office.sql.run(&format!("SELECT crier.set_approval('{}', 'admin')", office.workspace)).await;
    let schedule = hourly(&office).await;
    assert_eq!(office.posts(schedule).await, "again|in_review");
    office.run("now() + interval '10 hours'").await;
    assert_eq!(
        office.sql.text("SELECT DISTINCT state, count(*) FROM crier.posts GROUP BY 1").await,
        "in_review|11"
    );
    assert_eq!(office.sql.text("SELECT count(*) FROM crier.jobs").await, "0");
    let first = office.sql.text("SELECT id FROM crier.posts ORDER BY scheduled_at LIMIT 1").await;
    assert_eq!(office.sql.text(&format!("SELECT crier.approve_post('{first}')")).await, "scheduled");
}

#[tokio::test]
async fn lists_are_by_state_and_kind_and_go_on_at_a_cursor() {
    let office = Office::new().await;
    let mut ids = vec![];
    for n in 0..5 {
        let kind = if n % 2 == 0 { "evergreen" } else { "recurring" };
        ids.push(
            office
                .create(kind, "'FREQ=DAILY'", "'2026-01-01 09:00'", &format!(", name => 'number {n}'"))
                .await,
        );
    }
    office.sql.run(&format!("SELECT crier.pause_schedule('{}')", ids[0])).await;
    let names = async |arguments: &str| {
        let sql = format!(
            "SELECT (SELECT string_agg(right(i ->> 'name', 1), '') FROM jsonb_array_elements(items) AS i), has_more FROM crier.list_schedules({arguments})"
        );
        office.sql.text(&sql).await
    };
    assert_eq!(names("").await, "43210|f");
    assert_eq!(names("p_kind => 'evergreen', p_state => 'active'").await, "42|f");
    assert_eq!(names("p_limit => 2").await, "43|t");
    let cursor = office.sql.text("SELECT next_cursor FROM crier.list_schedules(p_limit => 2)").await;
    assert_eq!(names(&format!("'{cursor}', 2")).await, "21|t");
    let refusal =
        office.sql.refusal(&format!("SELECT crier.list_schedules('{cursor}', p_kind => 'single')")).await;
    assert_eq!(refusal.code, "22023");
}

#[tokio::test]
async fn the_sidecar_publishes_them() {
    let sim = crier_tests::sim::Sim::start();
    let database = crier_tests::cluster::Database::shared().await;
    let stage = crier_tests::stage::Stage::on_simulator(&sim, database).await;
    let create = "SELECT crier.create_schedule($1, 'recurring', jsonb_build_object('content', 'by itself', 'accounts', ARRAY[$2::uuid]), 'FREQ=HOURLY;COUNT=2', \
                  (now() AT TIME ZONE 'UTC') - interval '59 minutes 59 seconds', 'UTC')";
    let _crierd = stage.deployment.start().await;
    let _: Uuid = stage.sql.value(create, &[&stage.workspace, &stage.account]).await;
    crier_tests::wait::wait_until("posts on the platform", 1, async || sim.ledger().len()).await;
    // two hours pass, and what is due by then is found by looking
    let later = create
        .replace("interval '59 minutes 59 seconds'", "interval '-2 hours'")
        .replace("by itself", "later");
    let later: Uuid = stage.sql.value(&later, &[&stage.workspace, &stage.account]).await;
    stage
        .sql
        .run(&format!(
            "UPDATE crier.schedule SET starts = starts - interval '2 hours', next_at = next_at - interval '2 hours', \
                 cursor_at = cursor_at - interval '2 hours' WHERE id = '{later}'"
        ))
        .await;
    crier_tests::wait::wait_until("posts on the platform", 2, async || sim.ledger().len()).await;
}
