//! Analytics: what is recorded is counted once, by hour and by day, whoever looks and whenever.

mod figures;
mod moved;

use crier_tests::cluster::Database;
use crier_tests::session::Session;
use crier_tests::stage::{create_workspace, dummy_account};
use crier_tests::wait::wait_until;
use uuid::Uuid;

/// A workspace with two accounts.
struct Stage {
    sql: Session,
    workspace: Uuid,
    account: Uuid,
    other: Uuid,
    database: Database,
}

impl Stage {
    async fn new() -> Self {
        let database = Database::shared().await;
        let sql = database.connect().await;
        let workspace = create_workspace(&sql).await;
        let account = dummy_account(&sql, workspace, "alice.test").await;
        let other = dummy_account(&sql, workspace, "bob.test").await;
        // nobody waits for a pace here
        sql.run("UPDATE crier.platform_policy SET account_gap = NULL, account_concurrency = NULL; DELETE FROM crier.platform_limit").await;
        Self { sql, workspace, account, other, database }
    }

    /// A call that records what a query over `n` gives.
    fn record(&self, fields: &str, many: &str) -> String {
        format!(
            "SELECT crier.record_analytics(jsonb_agg(jsonb_build_object('workspace_id', '{}', {fields}))) FROM {many}",
            self.workspace
        )
    }

    async fn sums(&self, more: &str) -> String {
        let sums = format!("SELECT * FROM crier.analytics('{}', {more})", self.workspace);
        self.sql.text(&sums).await
    }

    async fn total(&self, sql: &Session, bucket: &str) -> (i64, String) {
        let total = format!(
            "SELECT coalesce(sum(events), 0)::bigint, coalesce(sum(value), 0)::text \
             FROM crier.analytics('{}', now() - interval '10 days', p_bucket => '{bucket}')",
            self.workspace
        );
        let row = sql.row(&total, &[]).await;
        (row.get(0), row.get(1))
    }
}

#[tokio::test]
async fn events_are_summed_by_time_and_kind_and_account() {
    let stage = Stage::new().await;
    let noon = "date_trunc('day', now(), 'UTC') - interval '12 hours'";
    for (fields, many) in [
        (
            format!("'kind', 'click', 'at', {noon}, 'account_id', '{}'", stage.account),
            "generate_series(1, 5) n",
        ),
        (
            format!(
                "'kind', 'click', 'at', {noon} + interval '1 hour', 'account_id', '{}', 'value', 2.5",
                stage.other
            ),
            "generate_series(1, 2) n",
        ),
        (
            format!("'kind', 'reach', 'at', {noon} - interval '1 day', 'platform', 'x', 'value', n"),
            "generate_series(1, 3) n",
        ),
    ] {
        let count = many.trim_start_matches("generate_series(1, ").trim_end_matches(") n");
        assert_eq!(stage.sql.text(&stage.record(&fields, many)).await, count);
    }
    let day = |ago: i32| format!("date_trunc('day', now(), 'UTC') - interval '{ago} days'");
    let days = async |what: &str| {
        let query = format!(
            "SELECT {what} FROM crier.analytics('{}', {}, {}) ORDER BY bucket, kind",
            stage.workspace,
            day(2),
            day(0)
        );
        stage.sql.text(&query).await
    };
    let expected = "reach|x|3|6\nclick|bluesky|7|10.0";
    // before they are moved and after, and with some of both
    assert_eq!(days("kind, platform, events, value").await, expected);
    assert_eq!(
        stage.sql.text("SELECT crier.roll_up_analytics(p_batch => 1, p_max_ms => 1)").await,
        r#"{"more": true, "moved": 1}"#
    );
    assert_eq!(days("kind, platform, events, value").await, expected);
    assert_eq!(stage.sql.text("SELECT crier.roll_up_analytics()").await, r#"{"moved": 2}"#);
    assert_eq!(days("kind, platform, events, value").await, expected);
    assert_eq!(stage.sql.text("SELECT count(*) FROM crier.analytics_delta").await, "0");
    // what comes late for an hour that is summed up already
    assert_eq!(
        stage
            .sql
            .text(&stage.record(
                &format!("'kind', 'click', 'at', {noon}, 'account_id', '{}'", stage.account),
                "generate_series(1, 1) n"
            ))
            .await,
        "1"
    );
    assert_eq!(days("events").await, "3\n8");
    stage.sql.text("SELECT crier.roll_up_analytics()").await;
    assert_eq!(days("events").await, "3\n8");

    let hours = stage.sums(&format!("{}, {}, 'hour', '{{account}}', '{{click}}'", day(1), day(0))).await;
    let lines: Vec<&str> = hours.lines().collect();
    assert_eq!(lines.len(), 2, "{hours}");
    assert!(
        lines[0].ends_with(&format!("|∅|∅|{}|6|6", stage.account))
            || lines[0].ends_with(&format!("|||{}|6|6", stage.account)),
        "{hours}"
    );
    assert!(lines[1].ends_with(&format!("{}|2|5.0", stage.other)), "{hours}");
    let all = stage.sums(&format!("{}, now(), 'month', '{{}}'", day(2))).await;
    assert!(all.lines().count() <= 2, "{all}");
    assert_eq!(stage.sums(&format!("{}, {}", day(40), day(30))).await, "");
    // what is raw is there, by its account's platform
    assert_eq!(
        stage
            .sql
            .text("SELECT platform, count(*), sum(value) FROM crier.analytics_event GROUP BY 1 ORDER BY 1")
            .await,
        "bluesky|8|11.0\nx|3|6"
    );
}

#[tokio::test]
async fn the_same_event_counts_once() {
    let stage = Stage::new().await;
    stage.sql.run("CREATE TABLE ids AS SELECT crier.new_id() AS id FROM generate_series(1, 100)").await;
    let record = stage.record("'kind', 'click', 'id', id", "ids");
    assert_eq!(stage.sql.text(&record).await, "100");
    assert_eq!(stage.sql.text(&record).await, "0");
    stage.sql.run("INSERT INTO ids SELECT crier.new_id() FROM generate_series(1, 3); INSERT INTO ids SELECT * FROM ids").await;
    assert_eq!(stage.sql.text(&record).await, "3", "expected new ones to count, each once");
    assert_eq!(stage.total(&stage.sql, "day").await.0, 103);
    // all or none
    let wrong = format!(
        "{} UNION ALL SELECT NULL) q (id)",
        stage.record("'kind', CASE WHEN id IS NULL THEN 'NO' ELSE 'click' END", "(SELECT id FROM ids")
    );
    assert_eq!(stage.sql.refusal(&wrong).await.code, "22023");
    assert_eq!(stage.total(&stage.sql, "day").await.0, 103);
}

#[tokio::test]
async fn whoever_looks_while_sums_are_made_sees_each_event_once() {
    const WRITERS: i64 = 3;
    const BATCHES: i64 = 40;
    let stage = Stage::new().await;
    // whoever brings a kind waits for others that do
    stage.sql.text(&stage.record("'kind', 'k' || n % 5", "generate_series(1, 20) n")).await;
    let late = stage.database.connect().await;
    late.run("BEGIN").await;
    late.text(&stage.record("'kind', 'late', 'value', 1", "generate_series(1, 7) n")).await;
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let session = stage.database.connect().await;
        let record = stage.record(
            &format!(
                "'kind', 'k' || n % 5, 'value', n, 'at', now() - n * interval '5 hours', 'account_id', '{}'",
                if writer == 0 { stage.account } else { stage.other }
            ),
            "generate_series(1, 20) n",
        );
        writers.push(tokio::spawn(async move {
            for _ in 0..BATCHES {
                session.text(&record).await;
            }
        }));
    }
    let mover = stage.database.connect().await;
    let moving = tokio::spawn(async move {
        let mut moved = 0;
        for _ in 0..200 {
            let did: serde_json::Value =
                mover.value("SELECT crier.roll_up_analytics(p_batch => 1000)", &[]).await;
            moved += did["moved"].as_i64().unwrap_or_default();
        }
        moved
    });
    let mut last = 0;
    let mut looks = 0;
    while !moving.is_finished() || writers.iter().any(|writer| !writer.is_finished()) {
        for bucket in ["day", "hour"] {
            let (events, _) = stage.total(&stage.sql, bucket).await;
            assert_eq!(events % 20, 0, "expected whole batches, found {events} events by {bucket}");
            assert!(events >= last, "{events} events by {bucket} after {last}");
            last = events;
            looks += 1;
        }
    }
    assert!(looks > 10, "{looks} looks");
    for writer in writers {
        writer.await.expect("a writer");
    }
    assert!(moving.await.expect("the mover") > 0);
    late.run("COMMIT").await;
    let expected = (WRITERS * BATCHES + 1) * 20 + 7;
    let value = (WRITERS * BATCHES * 210 + 20 + 7).to_string();
    assert_eq!(stage.total(&stage.sql, "day").await, (expected, value.clone()));
    stage.sql.text("SELECT crier.roll_up_analytics()").await;
    assert_eq!(stage.total(&stage.sql, "hour").await, (expected, value.clone()));
    assert_eq!(stage.total(&stage.sql, "day").await, (expected, value));
    assert_eq!(stage.sql.text("SELECT count(*) FROM crier.analytics_event").await, expected.to_string());
    assert_eq!(stage.sql.text("SELECT count(*) FROM crier.analytics_delta").await, "0");
}

#[tokio::test]
async fn what_is_asked_for_together_lies_side_by_side() {
    let stage = Stage::new().await;
    // sums in the order of hashes, as those of many events are made
    stage.sql.run("SET enable_sort = off").await;
    // as a server records that collects the events of many workspaces
    stage.sql.run("CREATE TABLE many AS SELECT crier.create_workspace('w', gen_random_uuid()) AS id FROM generate_series(1, 50)").await;
    let record = "SELECT crier.record_analytics(jsonb_agg(jsonb_build_object('workspace_id', id, 'kind', 'k' || kind, \
                      'at', date_trunc('day', now(), 'UTC') - interval '1 day' + hour * interval '1 hour') ORDER BY kind, hour, id)) \
                  FROM many, generate_series(1, 20) kind, generate_series(1, 5) hour";
    assert_eq!(stage.sql.text(record).await, "5000");
    let pages = async |table: &str| {
        let most = format!(
            "SELECT max(pages) FROM (SELECT count(DISTINCT (tableoid, (ctid::text::point)[0])) AS pages FROM crier.{table} \
             GROUP BY workspace_id) q"
        );
        stage.sql.value::<i64>(&most, &[]).await
    };
    // the hundred sums of a workspace have room on two pages, and may begin on a third
    let found = pages("analytics_delta").await;
    assert!(found <= 3, "{found} pages");
    assert_eq!(
        stage.sql.text("SELECT crier.roll_up_analytics(p_max_ms => 10000)").await,
        r#"{"moved": 5000}"#
    );
    for table in ["analytics_hour", "analytics_day"] {
        let found = pages(table).await;
        assert!(found <= 3, "{found} pages of {table}");
    }
}

#[tokio::test]
async fn one_session_moves_them_and_a_writer_waits_for_nobody() {
    let stage = Stage::new().await;
    stage.sql.text(&stage.record("'kind', 'a'", "generate_series(1, 3) n")).await;
    let other = stage.database.connect().await;
    other.run("BEGIN").await;
    assert_eq!(other.text("SELECT crier.roll_up_analytics()").await, r#"{"moved": 1}"#);
    assert_eq!(stage.sql.text("SELECT crier.roll_up_analytics()").await, r#"{"busy": true}"#);
    stage.sql.run("SET lock_timeout = '1s'").await;
    assert_eq!(stage.sql.text(&stage.record("'kind', 'a'", "generate_series(1, 2) n")).await, "2");
    assert_eq!(stage.total(&stage.sql, "day").await.0, 5);
    other.run("ROLLBACK").await;
    assert_eq!(stage.total(&stage.sql, "day").await.0, 5);
}

#[tokio::test]
async fn kinds_are_bounded() {
    let stage = Stage::new().await;
    let kinds =
        |from: i32, to: i32| stage.record("'kind', 'k' || n", &format!("generate_series({from}, {to}) n"));
    assert_eq!(stage.sql.text(&kinds(1, 200)).await, "200");
    assert_eq!(stage.sql.text(&kinds(1, 200)).await, "200", "those that are known");
    let refusal = stage.sql.refusal(&kinds(200, 201)).await;
    assert_eq!((refusal.code.as_str(), refusal.detail.as_str()), ("53400", "tenant_limit"), "{refusal}");
    stage
        .sql
        .run("UPDATE crier.tenant_limit SET max = NULL WHERE name = 'analytics_kinds_per_workspace'")
        .await;
    assert_eq!(stage.sql.text(&kinds(200, 300)).await, "101");
    // two that bring the last ones at once
    stage
        .sql
        .run("UPDATE crier.tenant_limit SET max = 301 WHERE name = 'analytics_kinds_per_workspace'")
        .await;
    let first = stage.database.connect().await;
    first.run("BEGIN").await;
    first.text(&kinds(301, 301)).await;
    let second = stage.database.connect().await;
    let call = kinds(302, 302);
    let pid = second.text("SELECT pg_backend_pid()").await;
    let waiting = tokio::spawn(async move { second.refusal(&call).await });
    wait_until("the second to wait", "Lock".to_owned(), async || {
        stage
            .sql
            .text(&format!("SELECT coalesce(wait_event_type, '') FROM pg_stat_activity WHERE pid = {pid}"))
            .await
    })
    .await;
    first.run("COMMIT").await;
    assert_eq!(waiting.await.expect("an answer").code, "53400");
}

#[tokio::test]
async fn what_is_old_goes_by_months_and_the_days_stay() {
    let stage = Stage::new().await;
    stage
        .sql
        .text(&stage.record("'kind', 'a', 'at', now() - n * interval '80 days'", "generate_series(0, 1) n"))
        .await;
    stage.sql.text("SELECT crier.roll_up_analytics()").await;
    let months = "SELECT count(*) FROM pg_class WHERE relnamespace = 'crier'::regnamespace AND relname ~ '^analytics_(event|hour|day)_[0-9]{6}$'";
    assert_eq!(stage.sql.text(months).await, "9");
    stage.sql.run("SELECT crier.attach_month('analytics_event', 'id', (date_trunc('month', now()) - interval '5 months')::date)").await;
    let cleanup = "SELECT crier.cleanup_old_analytics_events()";
    let dropped = stage.sql.text(cleanup).await;
    assert!(dropped.contains("analytics_event_20") && dropped.contains(r#""more": true"#), "{dropped}");
    assert_eq!(stage.sql.text(months).await, "9");
    // the hour of eighty days ago, which is in the default partition
    assert_eq!(stage.sql.text(cleanup).await, r#"{"deleted": 1}"#);
    assert_eq!(stage.sql.text("SELECT count(*) FROM crier.analytics_hour").await, "1");
    assert_eq!(stage.sql.text("SELECT count(*) FROM crier.analytics_day").await, "2");
    let days = format!(
        "SELECT sum(events) FROM crier.analytics('{}', now() - interval '100 days')",
        stage.workspace
    );
    assert_eq!(stage.sql.text(&days).await, "2");
}

#[tokio::test]
async fn publishing_counts_by_itself() {
    let stage = Stage::new().await;
    let workspace = stage.workspace;
    stage.sql.run("UPDATE crier.job_kind SET max_attempts = 1 WHERE kind = 'publish_post'").await;
    for (account, text) in
        [(stage.account, "out"), (stage.account, "out too"), (stage.other, "refused"), (stage.other, "lost")]
    {
        stage
            .sql
            .text(&format!("SELECT crier.create_post('{workspace}', '{text}', ARRAY['{account}'::uuid])"))
            .await;
    }
    stage
        .sql
        .run(
            "CREATE TEMPORARY TABLE held AS SELECT j.job_id, j.token, s.content FROM crier.claim_jobs('w', 10) j, \
                 LATERAL crier.start_target(j.job_id, j.token) s; \
             SELECT crier.record_intent(job_id, token, 'key ' || content, content) FROM held; \
             SELECT crier.report_targets(ARRAY[job_id], ARRAY[token], ARRAY[CASE WHEN content LIKE 'out%' THEN 'published' \
                 WHEN content = 'refused' THEN 'content_invalid' ELSE 'config' END], \
                 ARRAY[jsonb_build_object('external_id', content, 'message', 'x')]) FROM held",
        )
        .await;
    let states =
        stage.sql.text("SELECT string_agg(state, ' ' ORDER BY created_at, id) FROM crier.post_target").await;
    assert_eq!(states, "published published failed failed");
    let rates = format!(
        "SELECT platform, published, failed, unconfirmed, success_rate, failure_rate FROM crier.publish_rates('{workspace}')"
    );
    assert_eq!(stage.sql.text(&rates).await, "bluesky|2|2|0|0.5|0.5");
    let counted = format!(
        "SELECT kind, platform, account_id = '{}', events, value FROM crier.analytics('{workspace}', 'yesterday', p_group_by => '{{kind,platform,account}}')",
        stage.account
    );
    assert_eq!(
        stage.sql.text(&counted).await,
        "post_publish_failed|bluesky|f|2|2\npost_published|bluesky|t|2|2"
    );
    assert_eq!(
        stage.sql.text("SELECT platform, published, failed, failure_rate FROM crier.platform_rates()").await,
        "bluesky|2|2|0.5"
    );
}
