//! What is kept by months goes when all of a month is older than it is kept, and not when some of it is.

use crier_tests::cluster::Database;
use crier_tests::session::Session;

/// What drops the months of a table, and the setting that says when.
fn cleanup_of(table: &str) -> (&'static str, &'static str) {
    match table {
        "activity_log" => ("cleanup_old_activity_logs", "keep_activity_log"),
        "analytics_event" => ("cleanup_old_analytics_events", "keep_analytics_events"),
        "analytics_hour" => ("cleanup_old_analytics_events", "keep_analytics_hours"),
        "analytics_day" => ("cleanup_old_analytics_events", "keep_analytics_days"),
        "api_metric" => ("cleanup_old_metrics", "keep_api_metrics"),
        other => panic!("nothing drops the months of {other} here"),
    }
}

async fn months(sql: &Session, table: &str) -> String {
    let months = "SELECT coalesce(string_agg(to_char(month, 'YYYY-MM'), ' ' ORDER BY month), '') FROM crier.partitions \
                  WHERE parent = $1 AND month < date_trunc('month', now(), 'UTC')";
    sql.value(months, &[&table]).await
}

#[tokio::test]
async fn a_month_goes_when_all_of_it_is_old() {
    let sql = Database::shared().await.connect().await;
    let tables: Vec<String> =
        sql.column("SELECT parent::text FROM crier.month_tables() ORDER BY 1", &[]).await;
    assert!(tables.len() > 3, "{tables:?}");
    // the month in which it was 70 days ago, and the one before it
    let begins = "date_trunc('month', (now() AT TIME ZONE 'UTC') - interval '70 days')";
    let partly: String = sql.text(&format!("SELECT to_char({begins}, 'YYYY-MM')")).await;
    for table in &tables {
        let (cleanup, setting) = cleanup_of(table);
        let attach = format!(
            "SELECT crier.attach_month(parent, by_column, ({begins} - n * interval '1 month')::date) \
             FROM crier.month_tables(), generate_series(0, 2) n WHERE parent = '{table}'; \
             UPDATE crier.maintenance_setting SET value = '70 days' WHERE name = '{setting}'"
        );
        sql.run(&attach).await;
        assert_eq!(months(&sql, table).await.len(), 3 * 8 - 1, "{table}");
        while sql.text(&format!("SELECT crier.{cleanup}()")).await.contains("dropped") {}
        assert_eq!(months(&sql, table).await, partly, "{table}");
    }
}
