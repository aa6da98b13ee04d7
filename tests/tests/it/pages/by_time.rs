//! `crier.list_by_time`: numbered pages of a day, a week or a month.

use crier_tests::backdoor::History;
use crier_tests::cluster::Database;
use uuid::Uuid;

use super::{id_of, items};

#[tokio::test]
async fn numbers_and_cursors_lead_to_the_same_pages() {
    let superuser = Database::shared().await.connect().await;
    History { jobs: 400, days: 4, users: 1, workspaces: 1, lines: 1 }.make(&superuser).await;
    for (listing, table) in [("jobs", "job"), ("logs", "job_log")] {
        let whole: Vec<Uuid> = superuser
            .column(
                &format!(
                    "SELECT id FROM crier.{table} WHERE created_at >= date_trunc('day', now(), 'UTC') - interval '2 days' \
                     AND created_at < date_trunc('day', now(), 'UTC') - interval '1 day' ORDER BY id DESC"
                ),
                &[],
            )
            .await;
        assert_eq!(whole.len(), 100);
        let mut cursor: Option<String> = None;
        let mut walked = Vec::new();
        for number in 1..=8 {
            let time = "date_trunc('day', now(), 'UTC') - interval '30 hours'";
            let by_cursor = superuser
                .row(
                    &format!(
                        "SELECT items, page, pages, next_cursor, has_more FROM crier.list_by_time('{listing}', 'day', {time}, \
                         p_limit => 13, p_cursor => $1)"
                    ),
                    &[&cursor],
                )
                .await;
            let by_number = superuser
                .row(
                    &format!(
                        "SELECT items FROM crier.list_by_time('{listing}', 'day', {time}, p_limit => 13, p_page => {number})"
                    ),
                    &[],
                )
                .await;
            let ids: Vec<Uuid> = items(by_cursor.get(0)).iter().map(id_of).collect();
            assert_eq!(ids, items(by_number.get(0)).iter().map(id_of).collect::<Vec<_>>(), "page {number}");
            assert_eq!((by_cursor.get::<_, i32>(1), by_cursor.get::<_, Option<i32>>(2)), (number, Some(8)));
            assert_eq!(by_cursor.get::<_, bool>(4), number < 8);
            cursor = by_cursor.get(3);
            walked.extend(ids);
        }
        assert_eq!(walked, whole, "{listing}");
    }
    let beyond = "SELECT jsonb_array_length(items), page, pages, has_more FROM crier.list_by_time('jobs', 'day', \
                  now() - interval '1 day', p_page => 99)";
    assert_eq!(superuser.text(beyond).await, "0|99|2|f");
}

#[tokio::test]
async fn buckets_begin_where_the_calendar_of_the_zone_says() {
    let superuser = Database::shared().await.connect().await;
    superuser.run("SET timezone = 'UTC'").await;
    for (bucket, zone, bounds) in [
        ("day", "UTC", "2026-03-29 00:00:00+00|2026-03-30 00:00:00+00"),
        // the day that daylight saving begins has 23 hours
        ("day", "Europe/Berlin", "2026-03-28 23:00:00+00|2026-03-29 22:00:00+00"),
        ("week", "UTC", "2026-03-23 00:00:00+00|2026-03-30 00:00:00+00"),
        ("month", "UTC", "2026-03-01 00:00:00+00|2026-04-01 00:00:00+00"),
        ("month", "America/New_York", "2026-03-01 05:00:00+00|2026-04-01 04:00:00+00"),
    ] {
        let text = format!(
            "SELECT bucket_start, bucket_end FROM crier.list_by_time('events', '{bucket}', '2026-03-29 12:00+00', \
             p_time_zone => '{zone}')"
        );
        assert_eq!(superuser.text(&text).await, bounds, "{bucket} {zone}");
    }
}

#[tokio::test]
async fn past_ten_thousand_rows_there_is_no_number_of_pages() {
    let superuser = Database::shared().await.connect().await;
    History { jobs: 10_050, days: 1, users: 1, workspaces: 1, lines: 0 }.make(&superuser).await;
    let call = |more: &str| {
        format!(
            "SELECT page, pages, has_more FROM crier.list_by_time('jobs', 'day', now() - interval '1 day', p_limit => 1000{more})"
        )
    };
    assert_eq!(superuser.text(&call("")).await, "1|∅|t");
    assert_eq!(superuser.text(&call(", p_page => 11")).await, "11|∅|f");
    let refused = superuser.refusal(&call(", p_page => 12")).await;
    assert_eq!(refused.code, "22023", "{refused}");
    assert!(refused.hint.contains("next_cursor"), "{refused}");
}
