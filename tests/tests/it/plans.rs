//! No statement of the extension looks at more of a table than it has to, whatever the size of the history: each file of
//! `sql/queries/` is planned and run against a million jobs, once with a plan for the values and once with the plan
//! for any values, which a session keeps.

mod typical;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crier_tests::backdoor::{self, Past};
use crier_tests::cluster::Database;
use crier_tests::session::Session;
use serde_json::Value;
use typical::{TYPICAL, Typical, call};

/// A scan of a relation with fewer pages than this is no matter.
const SMALL: i32 = 50;

/// Tables that grow with the work.
const LARGE: [&str; 22] = [
    "job",
    "job_outcome",
    "job_retry",
    "job_claim",
    "limit_use",
    "limit_block",
    "account_limit",
    "job_progress",
    "job_scheduled",
    "job_key",
    "post",
    "post_tag",
    "slot_booking",
    "post_target",
    "event",
    "social_account",
    "credential",
    "webhook_event",
    "webhook_delivery",
    "schedule",
    "schedule_item",
    "schedule_occurrence",
];

/// What is not looked at, and why.
const LEFT_OUT: [(&str, &str); 9] = [
    ("installation/migration_table", "DDL of crier.migrate()"),
    ("installation/migration_lock", "reads no table"),
    ("installation/checksum", "reads no table"),
    ("installation/require_durable_commit", "reads no table"),
    ("installation/partitions", "calls a function that makes partitions: DDL"),
    ("pages/table_page", "calls a function that reads the table it is given"),
    ("publishing/lock_posts", "reads no table"),
    ("queue/checkpoint_lock", "reads no table"),
    ("queue/user_limit_lock", "reads no table"),
];

/// What `tests/it/pages/plans.rs` looks at, with the values of first and last pages.
const PAGES: [&str; 22] = [
    "dead_all",
    "dead_of_workspaces",
    "failed_among",
    "jobs_all",
    "jobs_by_params",
    "jobs_by_result",
    "jobs_choose",
    "jobs_items",
    "jobs_of_user",
    "jobs_of_workspaces",
    "logs_all",
    "logs_by_metadata",
    "logs_by_words",
    "logs_choose",
    "logs_items",
    "logs_of_job",
    "logs_of_workspaces",
    "problems_all",
    "problems_of_workspaces",
    "user_jobs",
    "user_jobs_choose",
    "user_jobs_page",
];

/// Every statement file, by its path below `sql/queries/` without the ending.
fn statements() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sql/queries");
    let mut found = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let path = entry.unwrap_or_else(|error| panic!("{}: {error}", folder.display())).path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let sql = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let below = path.strip_prefix(&root).unwrap_or(&path).with_extension("");
            found.insert(below.display().to_string(), sql);
        }
    }
    found
}

/// A database with history, and which of its relations are large: tables and indexes with the table they belong to.
struct Filled {
    session: Session,
    large: BTreeMap<String, String>,
    _database: Database,
}

impl Filled {
    async fn new() -> Self {
        let database = Database::private_with(&[("crier.queue_capacity", "300000")]).await;
        let session = database.connect().await;
        backdoor::fill(&session, Past { days: 10, per_day: 90_000, open: 5, live: 100_000 }).await;
        session.run(typical::FUNCTIONS).await;
        let rows = session
            .rows(
                "SELECT c.relname::text, coalesce(p.relname, t.relname)::text FROM pg_class c \
                 LEFT JOIN pg_index x ON x.indexrelid = c.oid JOIN pg_class t ON t.oid = coalesce(x.indrelid, c.oid) \
                 LEFT JOIN pg_inherits i ON i.inhrelid = t.oid LEFT JOIN pg_class p ON p.oid = i.inhparent \
                 WHERE t.relnamespace = 'crier'::regnamespace AND t.relkind = 'r' AND t.relpages >= $1",
                &[&SMALL],
            )
            .await;
        let large: BTreeMap<String, String> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let tables: BTreeSet<&str> = large.values().map(String::as_str).collect();
        for table in LARGE {
            assert!(
                tables.contains(table),
                "backdoor/past.sql leaves crier.{table} too small to tell a good plan from a bad one"
            );
        }
        Self { session, large, _database: database }
    }

    /// What is wrong with the plans of a statement.
    async fn complaints(&self, name: &str, sql: &str, typical: &Typical) -> Vec<String> {
        let mut complaints = Vec::new();
        let types = if typical.types.is_empty() { String::new() } else { format!("({})", typical.types) };
        if let Err(refusal) = self.session.try_text(&format!("PREPARE statement {types} AS {sql}")).await {
            return vec![format!("{name}: can't be prepared: {refusal}")];
        }
        for mode in ["force_custom_plan", "force_generic_plan"] {
            let args = if typical.args.is_empty() { String::new() } else { format!("({})", typical.args) };
            // what it writes is taken back
            self.session.run(&format!("BEGIN; SET LOCAL plan_cache_mode = {mode}")).await;
            let explain = format!("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE statement {args}");
            let plan = self.session.try_text(&explain).await;
            self.session.run("ROLLBACK").await;
            let plan: Value = match plan {
                Ok(plan) => {
                    plan.parse().unwrap_or_else(|error| panic!("the plan of {name} is no JSON: {error}"))
                }
                Err(refusal) => {
                    complaints.push(format!("{name}({}): {refusal}", typical.args));
                    break;
                }
            };
            let top = &plan[0]["Plan"];
            let mut found = BTreeSet::new();
            self.walk(top, typical.reads, &mut found);
            let pages = ["Shared Hit Blocks", "Shared Read Blocks"]
                .iter()
                .filter_map(|of| top[of].as_i64())
                .sum::<i64>();
            if pages > typical.pages {
                found.insert(format!("looked at {pages} pages; at most {} are expected", typical.pages));
            }
            complaints
                .extend(found.into_iter().map(|what| format!("{name}({}), {mode}: {what}", typical.args)));
        }
        self.session.run("DEALLOCATE statement").await;
        complaints
    }

    fn walk(&self, node: &Value, reads: &[&str], found: &mut BTreeSet<String>) {
        let (kind, index) = (node["Node Type"].as_str().unwrap_or_default(), node["Index Name"].as_str());
        let relation = node["Relation Name"].as_str().or(index);
        if let Some(table) = relation.and_then(|relation| self.large.get(relation)) {
            if reads.contains(&table.as_str()) {
                // a day of it
            } else if kind == "Seq Scan" {
                found.insert(format!("reads all of crier.{table}"));
            } else if index.is_some() && node["Index Cond"].is_null() {
                found.insert(format!("walks all of an index of crier.{table}"));
            }
        }
        for child in node["Plans"].as_array().into_iter().flatten() {
            self.walk(child, reads, found);
        }
    }
}

#[tokio::test]
async fn no_statement_looks_at_more_than_it_needs() {
    let statements = statements();
    for (name, _) in LEFT_OUT {
        assert!(statements.contains_key(name), "LEFT_OUT names {name}, which is not there");
    }
    for name in TYPICAL.iter().map(|typical| typical.name) {
        assert!(statements.contains_key(name), "typical.rs names {name}, which is not there");
    }
    for name in statements.keys() {
        let known = TYPICAL
            .iter()
            .map(|typical| typical.name)
            .chain(LEFT_OUT.map(|(name, _)| name))
            .any(|known| known == name)
            || name.strip_prefix("pages/").is_some_and(|name| PAGES.contains(&name));
        assert!(
            known,
            "sql/queries/{name}.sql is new: add a line with the values it is typically called with to TYPICAL in \
             tests/tests/it/plans/typical.rs"
        );
    }
    let filled = Filled::new().await;
    let mut complaints = Vec::new();
    for typical in TYPICAL {
        complaints.extend(filled.complaints(typical.name, &statements[typical.name], typical).await);
    }
    assert!(complaints.is_empty(), "{} bad plans:\n{}", complaints.len(), complaints.join("\n"));
    // the check itself: it must see what it is there for
    let control = async |sql: &str, args: &'static str| {
        let typical = call("control", args);
        filled.complaints("control", sql, &typical).await.join("\n")
    };
    let by_kind = control("SELECT count(*) FROM crier.job WHERE kind = $1", "'kind 1'").await;
    assert!(by_kind.contains("force_generic_plan: reads all of crier.job"), "{by_kind}");
    let no_end = "SELECT job_id FROM crier.job_key WHERE workspace_id > $1 ORDER BY workspace_id, kind, dedupe_key LIMIT 40000";
    let no_end = control(no_end, "'00000000-0000-0000-0000-000000000000'").await;
    assert!(no_end.contains("pages; at most"), "{no_end}");
    let (start, sql) = ("publishing/start", &statements["publishing/start"]);
    let typical = TYPICAL.iter().find(|typical| typical.name == start).expect("publishing/start");
    filled.session.run("DROP INDEX crier.post_target_job").await;
    let without_index = filled.complaints(start, sql, typical).await.join("\n");
    assert!(without_index.contains("reads all of crier.post_target"), "{without_index}");
}
