//! `crier.get_paginated_data`: any table under row security, as the caller and nobody else sees it.

use std::collections::HashSet;

use crier_tests::cluster::Database;
use crier_tests::session::Session;

use super::{Dice, Tenant, all, page, try_page};

/// A table of the application's own, with rows of two owners, and what one of them sees of it.
async fn table(superuser: &Session, tenant: &Tenant) {
    superuser
        .run(&format!(
            "CREATE SCHEMA shop; GRANT USAGE ON SCHEMA shop TO crier_app; \
             CREATE TYPE shop.mood AS ENUM ('sad', 'fine', 'happy'); \
             CREATE TABLE shop.\"Order s\" (nr bigint PRIMARY KEY, owner uuid NOT NULL, \"what's\" text, amount numeric, \
                 at timestamptz, mood shop.mood, flag boolean, ratio float8, born date, code varchar(9), extra jsonb); \
             ALTER TABLE shop.\"Order s\" ENABLE ROW LEVEL SECURITY; \
             CREATE POLICY own ON shop.\"Order s\" TO crier_app USING (owner = current_setting('crier.user_id')::uuid); \
             GRANT SELECT ON shop.\"Order s\" TO crier_app; \
             INSERT INTO shop.\"Order s\" SELECT n, CASE n % 2 WHEN 0 THEN '{}'::uuid ELSE gen_random_uuid() END, \
                 nullif('text ' || n % 5 || repeat('''\\', n % 3), 'text 3'), nullif((n % 7)::numeric / 3, 0), \
                 CASE WHEN n % 11 > 0 THEN now() - make_interval(secs => n % 13) END, \
                 (ARRAY['sad', 'fine', 'happy', NULL])[1 + n / 2 % 4]::shop.mood, n % 4 = 0, \
                 (ARRAY[0.1, 'NaN', '-Infinity', 1e300, NULL])[1 + n % 5], date '2026-01-01' - (n % 3)::int, 'c' || n % 4, '{{}}' \
             FROM generate_series(1, 120) n",
            tenant.user
        ))
        .await;
}

const TABLE: &str = "'shop.\"Order s\"'";

#[tokio::test]
async fn pages_in_any_order_are_a_full_read() {
    let database = Database::shared().await;
    let superuser = database.connect().await;
    let tenant = Tenant::new(&database).await;
    table(&superuser, &tenant).await;
    for column in ["nr", "owner", "what's", "amount", "at", "mood", "flag", "ratio", "born", "code"] {
        for direction in ["asc", "desc"] {
            for (limit, dates) in [(7, "German"), (60, "ISO")] {
                tenant.sql.run(&format!("SET datestyle = '{dates}'; SET timezone = 'Asia/Kolkata'")).await;
                let whole: Vec<i64> = tenant
                    .sql
                    .column(
                        &format!(
                            "SELECT nr FROM shop.\"Order s\" ORDER BY \"{column}\" {direction}, nr {direction}"
                        ),
                        &[],
                    )
                    .await;
                assert_eq!(whole.len(), 60, "expected the own half");
                let quoted = column.replace('\'', "''");
                let call = format!(
                    "get_paginated_data({TABLE}, p_order_by => '{quoted}', p_order_dir => '{direction}', p_limit => {limit})"
                );
                let paged: Vec<i64> = all(&tenant.sql, &call)
                    .await
                    .iter()
                    .map(|row| row["nr"].as_i64().expect("a number"))
                    .collect();
                assert_eq!(paged, whole, "{call}");
            }
        }
    }
}

#[tokio::test]
async fn rows_that_come_and_go_do_not_disturb() {
    let database = Database::shared().await;
    let superuser = database.connect().await;
    let tenant = Tenant::new(&database).await;
    table(&superuser, &tenant).await;
    let mut dice = Dice(77);
    for direction in ["asc", "desc"] {
        let numbers = "SELECT nr FROM shop.\"Order s\"";
        let mut stable: HashSet<i64> = tenant.sql.column::<i64>(numbers, &[]).await.into_iter().collect();
        let mut seen: Vec<i64> = Vec::new();
        let mut cursor: Option<String> = None;
        let mut fresh = 1_000 + dice.roll(1_000_000) as i64 * 1_000;
        loop {
            let limit = 1 + dice.roll(8);
            let call = format!(
                "get_paginated_data({TABLE}, p_order_by => 'amount', p_order_dir => '{direction}', p_limit => {limit})"
            );
            let page = page(&tenant.sql, &call, cursor.as_deref()).await;
            seen.extend(page.items.iter().map(|row| row["nr"].as_i64().expect("a number")));
            fresh += 1;
            let insert =
                "INSERT INTO shop.\"Order s\" (nr, owner, amount) VALUES ($1, $2, nullif($1::bigint % 7, 0))";
            superuser.rows(insert, &[&fresh, &tenant.user]).await;
            let gone = [dice.roll(120) as i64, fresh - dice.roll(9) as i64];
            superuser.rows("DELETE FROM shop.\"Order s\" WHERE nr = ANY ($1)", &[&&gone[..]]).await;
            let now: HashSet<i64> = tenant.sql.column::<i64>(numbers, &[]).await.into_iter().collect();
            stable.retain(|nr| now.contains(nr));
            match page.next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        let distinct: HashSet<i64> = seen.iter().copied().collect();
        assert_eq!(distinct.len(), seen.len(), "expected no row twice");
        assert!(stable.len() > 20, "expected rows that stay, or the test proves nothing");
        assert!(stable.is_subset(&distinct), "expected no stable row to be missed: {direction}");
    }
}

#[tokio::test]
async fn filters_and_columns_are_what_they_say() {
    let database = Database::shared().await;
    let superuser = database.connect().await;
    let tenant = Tenant::new(&database).await;
    table(&superuser, &tenant).await;
    for (filter, condition) in [
        (r#"{"mood": "fine"}"#, "mood = 'fine'"),
        (r#"{"mood": null, "flag": true}"#, "mood IS NULL AND flag"),
        (r#"{"what's": "text 2'\\'\\"}"#, "\"what's\" = 'text 2''\\''\\'"),
        (r#"{"amount": 1}"#, "amount = 1"),
        (r#"{"nr": 8, "code": "c0"}"#, "nr = 8 AND code = 'c0'"),
        (r#"{"code": "c0' OR true --"}"#, "false"),
        (r#"{"born": "2026-01-01"}"#, "born = '2026-01-01'"),
        (r#"{"ratio": "NaN"}"#, "ratio = 'NaN'"),
    ] {
        let expected = format!("SELECT nr FROM shop.\"Order s\" WHERE {condition} ORDER BY nr DESC");
        let expected: Vec<i64> = tenant.sql.column(&expected, &[]).await;
        let call = format!(
            "get_paginated_data({TABLE}, p_filter => '{}', p_limit => 4)",
            filter.replace('\'', "''")
        );
        let found: Vec<i64> =
            all(&tenant.sql, &call).await.iter().map(|row| row["nr"].as_i64().expect("a number")).collect();
        assert_eq!(found, expected, "{filter}");
    }
    let call =
        format!("get_paginated_data({TABLE}, p_columns => '{{born,nr}}', p_filter => '{{\"nr\": 8}}')");
    assert_eq!(all(&tenant.sql, &call).await, [serde_json::json!({"nr": 8, "born": "2025-12-30"})]);
}

#[tokio::test]
async fn names_and_values_are_never_read_as_sql() {
    let database = Database::shared().await;
    let superuser = database.connect().await;
    let tenant = Tenant::new(&database).await;
    table(&superuser, &tenant).await;
    for (arguments, part) in [
        ("p_order_by => 'nr; DROP TABLE shop.\"Order s\"'", "has no column"),
        ("p_order_by => 'nr\" DESC, (SELECT 1/0)--'", "has no column"),
        ("p_order_by => 'random()'", "has no column"),
        ("p_order_by => 'ctid'", "has no column"),
        ("p_order_by => 'tableoid'", "has no column"),
        ("p_order_by => ''", "has no column"),
        ("p_order_by => 'NR'", "has no column"),
        ("p_order_by => 'extra'", "can't be ordered by"),
        ("p_order_dir => 'desc; DROP'", "p_order_dir"),
        ("p_columns => '{nr,xmin}'", "has no column xmin"),
        ("p_columns => ARRAY['nr', NULL]", "p_columns"),
        ("p_key => 'nr) OR true'", "has no column"),
        ("p_key => 'extra'", "can't be ordered by"),
        ("p_filter => '{\"nr\\\" = 1 OR true --\": 1}'", "has no column"),
        ("p_filter => '{\"extra\": \"{}\"}'", "can't be ordered by or compared"),
        ("p_filter => '{\"nr\": [1]}'", "is an array"),
        ("p_filter => '[]'", "is not an object"),
    ] {
        let call = format!("get_paginated_data({TABLE}, {arguments})");
        let refused = try_page(&tenant.sql, &call, None).await.expect_err(arguments);
        assert_eq!(
            (refused.code.as_str(), refused.detail.as_str()),
            ("22023", "invalid_argument"),
            "{arguments}: {refused}"
        );
        assert!(refused.message.contains(part), "{arguments}: {refused}");
        assert!(!refused.hint.is_empty(), "{arguments}: {refused}");
    }
    let wrong_value = format!("get_paginated_data({TABLE}, p_filter => '{{\"nr\": \"1 OR true\"}}')");
    assert_eq!(try_page(&tenant.sql, &wrong_value, None).await.expect_err("a value").code, "22P02");
    assert_eq!(superuser.text("SELECT count(*) FROM shop.\"Order s\"").await, "120");
}

#[tokio::test]
async fn only_what_is_under_row_security_and_granted_is_read() {
    let database = Database::shared().await;
    let superuser = database.connect().await;
    let tenant = Tenant::new(&database).await;
    superuser
        .run(
            "CREATE TABLE open (id int PRIMARY KEY); CREATE TABLE closed (id int PRIMARY KEY); \
             ALTER TABLE closed ENABLE ROW LEVEL SECURITY; INSERT INTO open VALUES (1); INSERT INTO closed VALUES (1); \
             CREATE VIEW as_owner AS SELECT * FROM closed; \
             CREATE VIEW as_caller WITH (security_invoker = on) AS SELECT * FROM closed; \
             CREATE TABLE keyless (a int); ALTER TABLE keyless ENABLE ROW LEVEL SECURITY; \
             CREATE MATERIALIZED VIEW copied AS SELECT * FROM closed; \
             GRANT SELECT ON open, as_owner, as_caller, keyless, copied TO crier_app",
        )
        .await;
    for (relation, code, part) in [
        ("open", "22023", "is not a table under row security"),
        ("as_owner", "22023", "is not a table under row security"),
        ("copied", "22023", "is not a table under row security"),
        ("pg_authid", "22023", "is not a table under row security"),
        ("pg_catalog.pg_settings", "22023", "is not a table under row security"),
        ("information_schema.tables", "22023", "is not a table under row security"),
        ("open_pkey", "22023", "is not a table under row security"),
        ("keyless", "22023", "p_key"),
        ("closed", "22023", "is not a table under row security"),
        ("closed', p_order_by => 'no_such_column", "22023", "is not a table under row security"),
        ("as_caller", "42501", "permission denied"),
        ("crier.credential', p_key => 'account_id", "22023", "is not a table under row security"),
        ("crier.credential", "22023", "is not a table under row security"),
        ("crier.installation", "22023", "is not a table under row security"),
        ("no_such_table", "42P01", "no_such_table"),
        ("open; DROP TABLE open", "42602", "syntax"),
    ] {
        let call = format!("get_paginated_data('{relation}')");
        let refused = try_page(&tenant.sql, &call, None).await.expect_err(relation);
        assert_eq!(refused.code, code, "{relation}: {refused}");
        assert!(refused.message.contains(part), "{relation}: {refused}");
    }
    // by their numbers the catalogue could be read out: none is told from another, nor from what there is not
    let numbers = "SELECT oid::text FROM pg_class WHERE NOT has_table_privilege('crier_app', oid, 'SELECT') ORDER BY oid";
    let mut numbers: Vec<String> = superuser.column(numbers, &[]).await;
    assert!(numbers.len() > 100, "{numbers:?}");
    numbers.push("4294967000".into());
    let mut told = std::collections::BTreeSet::new();
    for number in numbers {
        let call = format!("get_paginated_data({number}::regclass, p_order_by => 'x')");
        let refused = try_page(&tenant.sql, &call, None).await.expect_err(&number);
        told.insert(format!("{refused:?}"));
    }
    assert_eq!(told.len(), 1, "{told:?}");
    // a right to read and no policy: no rows
    superuser.run("GRANT SELECT ON closed TO crier_app").await;
    assert_eq!(all(&tenant.sql, "get_paginated_data('closed')").await.len(), 0);
    assert_eq!(all(&tenant.sql, "get_paginated_data('as_caller')").await.len(), 0);
    assert_eq!(all(&superuser, "get_paginated_data('closed')").await.len(), 1);
}

#[tokio::test]
async fn a_hostile_search_path_or_operator_changes_nothing() {
    let database = Database::shared().await;
    let superuser = database.connect().await;
    let tenant = Tenant::new(&database).await;
    table(&superuser, &tenant).await;
    superuser
        .run(
            "CREATE TABLE trap (who text); GRANT INSERT ON trap TO PUBLIC; \
             CREATE FUNCTION evil(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS \
                 'BEGIN INSERT INTO public.trap VALUES (current_user); RETURN true; END'; \
             CREATE SCHEMA hostile; GRANT USAGE ON SCHEMA hostile TO PUBLIC; \
             CREATE OPERATOR hostile.< (FUNCTION = evil, LEFTARG = bigint, RIGHTARG = bigint); \
             CREATE OPERATOR hostile.= (FUNCTION = evil, LEFTARG = bigint, RIGHTARG = bigint); \
             CREATE FUNCTION hostile.to_jsonb(anyelement) RETURNS jsonb LANGUAGE plpgsql AS \
                 'BEGIN INSERT INTO public.trap VALUES (current_user); RETURN ''null''; END'",
        )
        .await;
    superuser.run("SET search_path = hostile, pg_catalog, public").await;
    let negative = superuser.text("SELECT 5::bigint < 3::bigint").await;
    assert_eq!(negative, "t", "expected the trap to work, or the test proves nothing");
    let call = format!("get_paginated_data({TABLE}, p_limit => 100, p_filter => '{{\"nr\": 4}}')");
    assert_eq!(all(&superuser, &call).await.len(), 1);
    assert_eq!(all(&superuser, &format!("get_paginated_data({TABLE}, p_limit => 50)")).await.len(), 120);
    assert_eq!(superuser.text("SELECT count(*) FROM public.trap").await, "1", "expected only our own call");
    let definers = "SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'crier'::regnamespace \
                    AND p.proname IN ('get_paginated_data', 'table_page') AND p.prosecdef";
    assert_eq!(superuser.text(definers).await, "", "expected both to run as their caller");
}

#[tokio::test]
async fn with_an_index_no_page_reads_more_than_it_shows_and_a_little() {
    let superuser = Database::shared().await.connect().await;
    superuser
        .run(
            "CREATE TABLE note (id bigint PRIMARY KEY, at timestamptz, kind text); ALTER TABLE note ENABLE ROW LEVEL SECURITY; \
             INSERT INTO note SELECT n, now() - make_interval(secs => n / 3), 'a' FROM generate_series(1, 20000) n; \
             INSERT INTO note SELECT n FROM generate_series(20001, 20050) n; \
             CREATE INDEX ON note (at, id); ANALYZE note",
        )
        .await;
    let read = async |call: &str, cursor: Option<&str>| {
        superuser.run("BEGIN").await;
        let read = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'note'";
        let before = superuser.rows(read, &[]).await.first().map_or(0, |row| row.get::<_, i64>(0));
        let page = page(&superuser, call, cursor).await;
        let rows = superuser.value::<i64>(read, &[]).await - before;
        superuser.run("COMMIT").await;
        assert_eq!(page.items.len(), 40);
        (page.next.expect("a cursor"), rows)
    };
    for direction in ["asc", "desc"] {
        let call = |limit: i32| {
            format!(
                "get_paginated_data('note', p_order_by => 'at', p_order_dir => '{direction}', p_limit => {limit})"
            )
        };
        let mut cursor: Option<String> = None;
        for _ in 0..15 {
            cursor = page(&superuser, &call(1_000), cursor.as_deref()).await.next;
        }
        for place in [None, cursor.as_deref()] {
            let (_, rows) = read(&call(40), place).await;
            // two beyond the page, and as many of those without a value
            assert!(rows <= 84, "{direction} from {place:?}: {rows} rows were read");
        }
    }
    // negative control
    let (_, rows) = read("get_paginated_data('note', p_order_by => 'kind', p_limit => 40)", None).await;
    assert!(rows >= 20_000, "expected to see that every row was read, saw {rows}");
}
