//! What can't be made is told, and everything else goes on.

use super::Office;
use crier_tests::stage::{create_workspace, dummy_account};

#[tokio::test]
async fn an_account_that_can_not_publish_is_told_when_the_time_has_come() {
    let office = Office::new().await;
    let schedule = office
        .create(
            "recurring",
            "'FREQ=HOURLY'",
            "(now() AT TIME ZONE 'Europe/Berlin') + interval '90 minutes'",
            "",
        )
        .await;
    let set = async |status: &str| {
        office.sql.run(&format!("UPDATE crier.social_account SET status = '{status}'")).await
    };
    set("paused").await;
    // there is time for it to be resumed
    assert_eq!(office.run("now() + interval '1 hour'").await, 0);
    assert_eq!(office.run("now() + interval '80 minutes'").await, 0);
    assert_eq!(office.states(schedule).await, "");
    set("active").await;
    assert_eq!(office.run("now() + interval '90 minutes'").await, 2);
    set("reauth_required").await;
    assert_eq!(office.run("now() + interval '5 hours'").await, 2);
    assert_eq!(office.states(schedule).await, "failed|2 made|2");
    let failed = office.events("schedule_failed").await;
    assert_eq!(failed.len(), 2);
    assert_eq!(failed[0]["error"]["code"], "account_unusable");
    assert!(
        failed[0]["error"]["message"].as_str().is_some_and(|text| text.contains("needs a new login")),
        "{}",
        failed[0]
    );
    assert_eq!(office.get(schedule).await["recent"][0]["error"], failed[1]["error"]);
    set("active").await;
    office.run("now() + interval '6 hours'").await;
    assert_eq!(office.states(schedule).await, "failed|2 made|4");
}

#[tokio::test]
async fn one_that_fails_in_the_server_does_not_hold_up_the_others() {
    let office = Office::new().await;
    // an application's own rule on the table, which speaks a language of its own
    office.sql.run("CREATE FUNCTION public.no_poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                        IF NEW.content = 'poison' THEN RAISE 'no poison' USING ERRCODE = 'check_violation'; END IF; RETURN NEW; END $$; \
                    CREATE TRIGGER no_poison BEFORE INSERT ON crier.post FOR EACH ROW EXECUTE FUNCTION public.no_poison()").await;
    let mut ids = vec![];
    for content in ["before", "poison", "behind"] {
        let workspace = create_workspace(&office.sql).await;
        let account = dummy_account(&office.sql, workspace, "carol.test").await;
        let sql = "SELECT crier.create_schedule($1, 'recurring', jsonb_build_object('content', $2::text, 'accounts', ARRAY[$3::uuid]), 'FREQ=HOURLY', \
                   now()::timestamp + interval '2 hours', 'UTC')";
        ids.push(office.sql.value::<uuid::Uuid>(sql, &[&workspace, &content, &account]).await);
    }
    office.run("now() + interval '30 hours'").await;
    assert_eq!(office.states(ids[0]).await, "made|30");
    assert_eq!(office.states(ids[1]).await, "failed|29", "what lies ahead is looked at again");
    assert_eq!(office.states(ids[2]).await, "made|30");
    let failed =
        "SELECT DISTINCT payload -> 'error' ->> 'message' FROM crier.events WHERE kind = 'schedule_failed'";
    assert_eq!(office.sql.text(failed).await, "no poison");
    assert_eq!(
        office.sql.text("SELECT count(*), count(DISTINCT schedule_id) FROM crier.posts").await,
        "60|2"
    );
    // what was undone has left nothing in the queue
    assert_eq!(office.sql.text("SELECT count(*) FROM crier.jobs").await, "60");
}

#[tokio::test]
async fn a_long_past_leaves_room_for_others() {
    let office = Office::new().await;
    let long = office.create("recurring", "'FREQ=HOURLY;BYMINUTE=0,15,30,45'", "now()::timestamp", "").await;
    let other = office.create("recurring", "'FREQ=DAILY'", "now()::timestamp + interval '30 days'", "").await;
    let first =
        "SELECT occurrences, more FROM crier.run_due(p_limit => 60, p_now => now() + interval '31 days')";
    assert_eq!(office.sql.text(first).await, "52|t");
    assert_eq!(office.states(other).await, "made|2");
    office.run("now() + interval '31 days'").await;
    let made: i64 = office
        .sql
        .value("SELECT count(*) FROM crier.schedule_occurrence WHERE schedule_id = $1", &[&long])
        .await;
    assert!(made >= 31 * 96, "{made}");
}

#[tokio::test]
async fn a_deleted_workspace_makes_nothing_more() {
    let office = Office::new().await;
    let schedule = office.create("evergreen", "'FREQ=HOURLY'", "now()::timestamp", "").await;
    office.sql.run(&format!("SELECT crier.add_schedule_items('{schedule}', '[{{\"content\": \"x\"}}]'); SELECT crier.delete_workspace('{}')", office.workspace)).await;
    let before = office.states(schedule).await;
    assert_eq!(office.run("now() + interval '1 day'").await, 0);
    assert_eq!(office.states(schedule).await, before);
}
