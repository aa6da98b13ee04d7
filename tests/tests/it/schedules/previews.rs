//! What is to come is shown before it comes.

use super::Office;

async fn preview(office: &Office, definition: &str, n: i32) -> Vec<String> {
    let sql = format!(
        "SELECT wall_time, utc_offset, note FROM crier.preview_schedule(definition => '{definition}', n => {n})"
    );
    office.sql.text(&sql).await.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn the_clocks_are_changed() {
    let office = Office::new().await;
    // years ahead, so that it is in the future for as long as this is of interest
    let skipped = r#"{"starts": "2090-03-25 02:30", "zone": "Europe/Berlin", "rule": {"daily": ["02:30"]}}"#;
    assert_eq!(
        preview(&office, skipped, 3).await,
        [
            "2090-03-25 02:30:00|+01:00|∅",
            "2090-03-26 03:00:00|+02:00|02:30:00 is left out when the clock is put forward",
            "2090-03-27 02:30:00|+02:00|∅"
        ]
    );
    let twice = r#"{"starts": "2090-10-28 02:30", "zone": "Europe/Berlin", "rule": "FREQ=DAILY"}"#;
    assert_eq!(
        preview(&office, twice, 3).await,
        [
            "2090-10-28 02:30:00|+02:00|∅",
            "2090-10-29 02:30:00|+02:00|the first of two: it comes again at +01:00",
            "2090-10-30 02:30:00|+01:00|∅"
        ]
    );
    let half =
        r#"{"starts": "2090-04-01 01:45", "zone": "Australia/Lord_Howe", "rule": "FREQ=DAILY;COUNT=2"}"#;
    assert_eq!(
        preview(&office, half, 9).await,
        [
            "2090-04-01 01:45:00|+11:00|∅",
            "2090-04-02 01:45:00|+11:00|the first of two: it comes again at +10:30"
        ]
    );
}

#[tokio::test]
async fn a_schedule_shows_what_it_will_make() {
    let office = Office::new().await;
    let schedule = office
        .create(
            "recurring",
            "'{\"weekly\": {\"mon\": [\"09:00\"], \"fri\": [\"18:00\", \"07:30\"]}}'",
            "'2026-01-01 00:00'",
            "",
        )
        .await;
    let shown = format!("SELECT occurs_at FROM crier.preview_schedule('{schedule}', n => 30)");
    let shown = office.sql.text(&shown).await;
    assert_eq!(shown.lines().count(), 30);
    office.run("now() + interval '1 year'").await;
    let made = "SELECT occurs_at FROM crier.schedule_occurrence ORDER BY 1 LIMIT 30";
    assert_eq!(office.sql.text(made).await, shown);
    office.sql.run(&format!("SELECT crier.pause_schedule('{schedule}')")).await;
    let count = format!("SELECT count(*) FROM crier.preview_schedule('{schedule}')");
    assert_eq!(office.sql.text(&count).await, "10");
    office.sql.run(&format!("SELECT crier.end_schedule('{schedule}')")).await;
    assert_eq!(office.sql.text(&count).await, "0");
}

#[tokio::test]
async fn nothing_comes_of_what_never_fires() {
    let office = Office::new().await;
    for rule in [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;INTERVAL=24;BYHOUR=5",
        "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6",
        "FREQ=DAILY;COUNT=5",
    ] {
        let definition = format!(r#"{{"starts": "2025-01-01 00:00", "zone": "UTC", "rule": "{rule}"}}"#);
        assert_eq!(preview(&office, &definition, 1000).await, [] as [&str; 0], "{rule}");
        let create = format!(
            "SELECT crier.create_schedule('{}', 'recurring', '{}', '{rule}', '2025-01-01 00:00', 'UTC')",
            office.workspace,
            office.template("\"content\": \"never\"")
        );
        let refusal = office.sql.refusal(&create).await;
        assert!(refusal.code == "22023" && refusal.message.contains("no occurrence"), "{rule}: {refusal}");
    }
    // every hour, and as many as one may ask for
    let often =
        r#"{"starts": "2025-01-01 00:00", "zone": "UTC", "rule": "FREQ=HOURLY;BYMINUTE=0,10,20,30,40,50"}"#;
    assert_eq!(preview(&office, often, 1000).await.len(), 1000);
}

#[tokio::test]
async fn a_calendar_shows_what_will_be_made_until_it_is() {
    let office = Office::new().await;
    let daily = "'{\"daily\": [\"09:00\"]}'";
    let schedule = office.create("recurring", daily, "now()::timestamp", "").await;
    let week = format!(
        "SELECT c.state, count(*), count(c.post_id), count(*) FILTER (WHERE c.schedule_id = '{schedule}'), min(c.content), \
             min(c.accounts -> 0 ->> 'handle') \
         FROM crier.calendar('{}', now() + interval '1 day', now() + interval '8 days') c GROUP BY 1 ORDER BY 1",
        office.workspace
    );
    assert_eq!(office.sql.text(&week).await, "planned|7|0|7|again|alice.test");
    let of_nobody = week.replace("'8 days'", "'8 days', gen_random_uuid()");
    assert_eq!(office.sql.text(&of_nobody).await, "");
    office.sql.run("SELECT * FROM crier.run_due(p_now => now() + interval '3 days')").await;
    let some = office.sql.text(&week).await;
    let counts: Vec<i64> = some
        .lines()
        .map(|line| line.split('|').nth(1).expect("a count").parse().expect("a number"))
        .collect();
    assert!(some.starts_with("planned|") && some.contains("\nscheduled|"), "{some}");
    assert_eq!(counts.iter().sum::<i64>(), 7, "{some}");
    office.sql.run(&format!("SELECT crier.pause_schedule('{schedule}')")).await;
    assert!(
        !office.sql.text(&week).await.contains("planned"),
        "expected nothing of a schedule that is paused"
    );
}
