//! What API servers say of their requests.

use crier_tests::cluster::Database;

#[tokio::test]
async fn requests_are_counted_by_endpoint_and_hour() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    let record = "SELECT crier.record_api_metrics(jsonb_agg(jsonb_build_object('endpoint', '/' || n % 2, 'method', 'GET', 'status', \
                      CASE WHEN n % 10 = 0 THEN 503 WHEN n % 10 = 1 THEN 404 ELSE 200 END, 'ms', n * 30, \
                      'user_id', md5((n % 7)::text)::uuid, 'at', extract(epoch FROM now() - n * interval '1 second')))) \
                  FROM generate_series(1, 100) n";
    assert_eq!(sql.text(record).await, "100");
    assert_eq!(
        sql.text("SELECT * FROM crier.api_error_rates()").await,
        "∅|100|10|10|0.1\n/0|50|0|10|0.2\n/1|50|10|0|0"
    );
    assert_eq!(
        sql.text("SELECT endpoint, method, requests, slow, p50_ms, max_ms FROM crier.api_slow_endpoints()")
            .await,
        "/0|GET|50|17|1530|3000\n/1|GET|50|17|1500|2970"
    );
    let users = sql.text("SELECT max(users), sum(requests) FROM crier.api_active_users()").await;
    assert_eq!(users, "7|100");
    let alerts =
        "SELECT name, round(value::numeric, 3), threshold FROM crier.alerts() WHERE name LIKE 'api%'";
    assert_eq!(sql.text(alerts).await, "api_error_rate|0.100|0.05\napi_slow_seconds|2.852|2");
    // an hour later nobody is told of it any more, and a year later it is gone
    sql.run("UPDATE crier.api_metric SET at = at - interval '61 minutes'").await;
    assert_eq!(sql.text(alerts).await, "");
    assert_eq!(
        sql.text("SELECT count(*) FROM crier.alerts(true) WHERE name LIKE 'api%' AND value IS NULL").await,
        "2"
    );
    sql.run("UPDATE crier.api_metric SET at = at - interval '1 year'").await;
    assert_eq!(sql.text("SELECT crier.cleanup_old_metrics()").await, r#"{"deleted": 100}"#);
    assert_eq!(sql.text("SELECT * FROM crier.api_error_rates()").await, "∅|0|0|0|∅");
}

#[tokio::test]
async fn servers_record_and_operators_ask() {
    let database = Database::shared().await;
    let sql = database.connect().await;
    let login = async |of: &str| {
        let name = format!("{of}_api_{}", database.name());
        sql.run(&format!("CREATE ROLE {name} LOGIN IN ROLE {of}")).await;
        database.connect_as(&name).await
    };
    let (app, worker, monitor) =
        (login("crier_app").await, login("crier_worker").await, login("crier_monitor").await);
    let record = r#"SELECT crier.record_api_metrics('[{"endpoint": "/", "status": 200, "ms": 1}]')"#;
    assert_eq!(worker.text(record).await, "1");
    for session in [&app, &monitor] {
        assert_eq!(session.refusal(record).await.code, "42501");
    }
    for call in [
        "api_error_rates()",
        "api_slow_endpoints()",
        "api_active_users()",
        "cache_stats()",
        "platform_rates()",
    ] {
        let ask = format!("SELECT * FROM crier.{call}");
        monitor.text(&ask).await;
        assert_eq!(app.refusal(&ask).await.code, "42501", "{call}");
    }
}
