//! The queue of an evergreen schedule.

use serde_json::Value;
use uuid::Uuid;

use super::Office;
use crier_tests::stage::dummy_account;

/// Every day at noon, from tomorrow on.
const DAILY: &str = "'{\"daily\": [\"12:00\"]}'";
const TOMORROW: &str = "date_trunc('day', now()::timestamp + interval '1 day')";

/// The evening of a day, counted from today: noon is over, and the next is not near.
fn evening(day: u32) -> String {
    format!("date_trunc('day', now(), 'UTC') + interval '{day} days 22 hours'")
}

async fn add(office: &Office, schedule: Uuid, items: &Value) -> Vec<Uuid> {
    office.sql.column("SELECT crier.add_schedule_items($1, $2)", &[&schedule, items]).await
}

/// The texts of its posts, in the order of their times.
async fn texts(office: &Office, schedule: Uuid) -> Vec<String> {
    let sql = "SELECT content FROM crier.post WHERE schedule_id = $1 ORDER BY scheduled_at";
    office.sql.column(sql, &[&schedule]).await
}

#[tokio::test]
async fn each_has_its_turn_by_weight_and_new_ones_come_first() {
    let office = Office::new().await;
    let schedule = office.create("evergreen", DAILY, TOMORROW, ", item_rest => '36 hours'").await;
    let items = serde_json::json!([{"content": "one"}, {"content": "two", "weight": 2}, {"content": "three", "weight": 3}, {"content": "other"}]);
    let ids = add(&office, schedule, &items).await;
    assert_eq!(ids.len(), 4);
    office.run(&evening(140)).await;
    let posts = texts(&office, schedule).await;
    assert!(posts.len() >= 139, "{}", posts.len());
    let first: std::collections::BTreeSet<_> = posts[..4].iter().collect();
    assert_eq!(first.len(), 4, "expected none twice while others are unused: {:?}", &posts[..4]);
    for pair in posts.windows(2) {
        assert_ne!(pair[0], pair[1], "expected a rest of more than a day");
    }
    let uses = |name: &str, posts: &[String]| posts.iter().filter(|text| *text == name).count();
    for (name, weight) in [("one", 1), ("two", 2), ("three", 3), ("other", 1)] {
        let expected = posts.len() * weight / 7;
        assert!(
            uses(name, &posts).abs_diff(expected) <= 2,
            "{name}: {} of {}",
            uses(name, &posts),
            posts.len()
        );
    }
    // it comes next, and does not make up for the time before it was there
    add(&office, schedule, &serde_json::json!([{"content": "late"}])).await;
    office.run(&evening(300)).await;
    let all = texts(&office, schedule).await;
    let since = &all[posts.len()..];
    assert_eq!(since[0], "late");
    assert!(uses("late", since).abs_diff(since.len() / 8) <= 2, "{} of {}", uses("late", since), since.len());
    let listed: Value =
        office.sql.value("SELECT items FROM crier.list_schedule_items($1, p_limit => 2)", &[&schedule]).await;
    assert_eq!(listed[0]["template"]["content"], "late");
    assert_eq!(listed[0]["uses"], uses("late", since));
    let gone: bool =
        office.sql.value("SELECT crier.remove_schedule_item($1, $2)", &[&schedule, &ids[0]]).await;
    assert!(gone);
    office.run(&evening(320)).await;
    assert_eq!(uses("one", &texts(&office, schedule).await[all.len()..]), 0);
}

#[tokio::test]
async fn what_rests_is_left_alone_and_nothing_to_publish_is_told_once() {
    let office = Office::new().await;
    let schedule = office.create("evergreen", DAILY, TOMORROW, ", item_rest => '10 days'").await;
    office.run(&evening(5)).await;
    assert_eq!(office.states(schedule).await, "empty|5");
    assert_eq!(office.events("schedule_empty").await.len(), 1);
    add(&office, schedule, &serde_json::json!([{"content": "one"}, {"content": "two"}])).await;
    office.run(&evening(25)).await;
    // the first two days of each ten, beginning with the sixth
    assert_eq!(office.states(schedule).await, "empty|21 made|4");
    assert_eq!(texts(&office, schedule).await, ["one", "two", "one", "two"]);
    assert_eq!(office.events("schedule_empty").await.len(), 3, "once for each time without");
    let rested = "SELECT min(next - occurs_at) >= interval '10 days' FROM (SELECT occurs_at, lead(occurs_at) OVER (PARTITION BY item_id ORDER BY occurs_at) AS next \
                  FROM crier.schedule_occurrence WHERE schedule_id = $1 AND state = 'made') AS o";
    assert!(office.sql.value::<bool>(rested, &[&schedule]).await);
}

#[tokio::test]
async fn an_account_rests_too() {
    let office = Office::new().await;
    let bob = dummy_account(&office.sql, office.workspace, "bob.test").await;
    let schedule = office.create("evergreen", DAILY, TOMORROW, ", account_rest => '3 days'").await;
    let items: Vec<Value> = (0..4)
        .map(|n| match n % 2 {
            0 => serde_json::json!({"content": format!("of alice {n}")}),
            _ => serde_json::json!({"content": format!("of bob {n}"), "accounts": [bob.to_string()]}),
        })
        .collect();
    add(&office, schedule, &Value::from(items)).await;
    office.run(&evening(12)).await;
    let made = texts(&office, schedule).await;
    assert_eq!(
        made,
        [
            "of alice 0",
            "of bob 1",
            "of alice 2",
            "of bob 3",
            "of alice 0",
            "of bob 1",
            "of alice 2",
            "of bob 3"
        ]
    );
    let rested = "SELECT min(next - at) >= interval '3 days' FROM (SELECT p.scheduled_at AS at, lead(p.scheduled_at) OVER (PARTITION BY t.account_id ORDER BY p.scheduled_at) AS next \
                  FROM crier.post p JOIN crier.post_target t ON t.post_id = p.id WHERE p.schedule_id = $1) AS o";
    assert!(office.sql.value::<bool>(rested, &[&schedule]).await);
}

#[tokio::test]
async fn ten_thousand_items_and_not_one_more() {
    let office = Office::new().await;
    let schedule = office
        .create(
            "evergreen",
            "'{\"daily\": [\"06:00\", \"12:00\", \"18:00\"]}'",
            TOMORROW,
            ", item_rest => '30 days'",
        )
        .await;
    let items: Vec<Value> = (0..10_000)
        .map(|n| serde_json::json!({"content": format!("item {n}"), "weight": 1 + n % 10}))
        .collect();
    assert_eq!(add(&office, schedule, &Value::from(items)).await.len(), 10_000);
    let one_more = format!("SELECT crier.add_schedule_items('{schedule}', '[{{\"content\": \"x\"}}]')");
    let refusal = office.sql.refusal(&one_more).await;
    assert!(refusal.code == "54000" && refusal.message.contains("10001"), "{refusal}");
    assert!(office.run(&evening(200)).await >= 597);
    let distinct = "SELECT count(*), count(DISTINCT item_id) FROM crier.schedule_occurrence WHERE schedule_id = $1 AND state = 'made'";
    let row = office.sql.row(distinct, &[&schedule]).await;
    assert_eq!(row.get::<_, i64>(0), row.get::<_, i64>(1), "expected none twice while others are unused");
    // every item once, page by page
    let (mut cursor, mut seen) = (None::<String>, std::collections::BTreeSet::new());
    loop {
        let page = office
            .sql
            .row(
                "SELECT items, next_cursor FROM crier.list_schedule_items($1, $2, 1000)",
                &[&schedule, &cursor],
            )
            .await;
        let items: Value = page.get(0);
        seen.extend(items.as_array().expect("items").iter().map(|item| item["id"].to_string()));
        cursor = page.get(1);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 10_000);
}

#[tokio::test]
async fn an_item_that_can_not_be_published_does_not_hold_up_the_others() {
    let office = Office::new().await;
    let bob = dummy_account(&office.sql, office.workspace, "bob.test").await;
    let schedule = office.create("evergreen", DAILY, TOMORROW, "").await;
    let items =
        serde_json::json!([{"content": "good"}, {"content": "of bob", "accounts": [bob.to_string()]}]);
    add(&office, schedule, &items).await;
    office.sql.run(&format!("UPDATE crier.social_account SET status = 'paused' WHERE id = '{bob}'")).await;
    office.run(&evening(10)).await;
    assert_eq!(office.states(schedule).await, "failed|5 made|5");
    let failed = office.events("schedule_failed").await;
    assert_eq!((failed.len(), failed[0]["error"]["code"].as_str()), (5, Some("account_unusable")));
}
