//! What each statement reads: a bounded number of rows by an index, on the first page as on the last.

use crier_tests::backdoor::History;
use crier_tests::cluster::Database;
use crier_tests::session::Session;
use serde_json::Value;

/// A statement of `sql/queries/pages`, as it is planned for every value.
macro_rules! sql {
    ($name:literal) => {
        include_str!(concat!("../../../../sql/queries/pages/", $name, ".sql"))
    };
}

const JOBS: i64 = 20_000;

/// The plan, with what it did.
async fn plan(sql: &Session, mode: &str, types: &str, text: &str, values: &str) -> Value {
    sql.run(&format!("SET plan_cache_mode = {mode}; PREPARE p ({types}) AS {text}")).await;
    let plan = sql.text(&format!("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE p ({values})")).await;
    sql.run("DEALLOCATE p; RESET plan_cache_mode").await;
    let plan: Value = serde_json::from_str(&plan).unwrap_or_else(|error| panic!("{error}: {plan}"));
    plan[0]["Plan"].clone()
}

/// Rows of tables that were read, those that were thrown away too, and the tables that were read from end to end.
fn read(node: &Value, whole: &mut Vec<String>) -> f64 {
    let number = |name: &str| node[name].as_f64().unwrap_or(0.0);
    let mut rows = 0.0;
    if let Some(table) = node["Relation Name"].as_str() {
        let each = number("Actual Rows")
            + number("Rows Removed by Filter")
            + number("Rows Removed by Index Recheck");
        rows += each * number("Actual Loops");
        if node["Node Type"] == "Seq Scan" && each * number("Actual Loops") > 0.0 {
            whole.push(table.to_owned());
        }
    }
    rows + node["Plans"].as_array().into_iter().flatten().map(|child| read(child, whole)).sum::<f64>()
}

/// The plan in few words: what ran, by which index, how many rows.
fn shown(node: &Value, depth: usize) -> String {
    let text = |name: &str| node[name].as_str().unwrap_or_default().to_owned();
    let own = format!(
        "{:depth$}{} {} {} rows {} x {}\n",
        "",
        text("Node Type"),
        text("Relation Name"),
        text("Index Name"),
        node["Actual Rows"],
        node["Actual Loops"],
    );
    let ran = node["Actual Loops"].as_f64() > Some(0.0);
    let children = node["Plans"].as_array().into_iter().flatten().map(|child| shown(child, depth + 2));
    if ran { own + &children.collect::<String>() } else { String::new() }
}

struct Case {
    name: &'static str,
    text: &'static str,
    types: &'static str,
    values: String,
    /// The most rows it may read.
    most: f64,
    each_time: bool,
}

fn walks(job: &str) -> Vec<Case> {
    let (user, workspace) = (History::user(3), History::workspace(1));
    let all = "'00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 51";
    let deep = "'00000000-0000-0000-0000-000000000000', pg_temp.id_of(2000, 20000, 5), 51";
    let mut cases = Vec::new();
    let mut add = |name, text, types, more: &str, rows: f64| {
        for place in [all, deep] {
            // one more of each of the partitions beside, the first of which is looked at by a merge
            let (values, most) = (format!("{place}{more}"), rows + 20.0);
            cases.push(Case { name, text, types, values, most, each_time: false });
        }
    };
    let of_workspaces = format!(", ARRAY['{workspace}'::uuid]");
    let span = "uuid, uuid, bigint";
    add("jobs_all", sql!("jobs_all"), span, "", 51.0);
    add("jobs_of_user", sql!("jobs_of_user"), "uuid, uuid, bigint, uuid", &format!(", '{user}'"), 51.0);
    // somebody without rows among few who have many
    let nobody = format!(", '{}'", History::user(999));
    add("jobs_of_user, none", sql!("jobs_of_user"), "uuid, uuid, bigint, uuid", &nobody, 0.0);
    let nobodys = format!(", ARRAY['{}'::uuid]", History::workspace(999));
    add("jobs_of_workspaces, none", sql!("jobs_of_workspaces"), "uuid, uuid, bigint, uuid[]", &nobodys, 0.0);
    add("logs_of_workspaces, none", sql!("logs_of_workspaces"), "uuid, uuid, bigint, uuid[]", &nobodys, 0.0);
    add("jobs_of_workspaces", sql!("jobs_of_workspaces"), "uuid, uuid, bigint, uuid[]", &of_workspaces, 51.0);
    add("dead_all", sql!("dead_all"), span, "", 51.0);
    add("dead_of_workspaces", sql!("dead_of_workspaces"), "uuid, uuid, bigint, uuid[]", &of_workspaces, 51.0);
    add("logs_all", sql!("logs_all"), span, "", 51.0);
    add("logs_of_workspaces", sql!("logs_of_workspaces"), "uuid, uuid, bigint, uuid[]", &of_workspaces, 51.0);
    add("problems_all", sql!("problems_all"), span, "", 51.0);
    add(
        "problems_of_workspaces",
        sql!("problems_of_workspaces"),
        "uuid, uuid, bigint, uuid[]",
        &of_workspaces,
        51.0,
    );
    let job = format!(", '{job}', NULL");
    add("logs_of_job", sql!("logs_of_job"), "uuid, uuid, bigint, uuid, uuid[]", &job, 51.0);
    cases
}

fn by_ids(jobs: &str, lines: &str) -> Vec<Case> {
    let ids = |table: &str| if table == "job" { jobs.to_owned() } else { lines.to_owned() };
    let mut cases = Vec::new();
    let mut add = |name, text, types, values: String, most| {
        cases.push(Case { name, text, types, values, most, each_time: false });
    };
    add("jobs_items", sql!("jobs_items"), "uuid[]", ids("job"), 110.0);
    add("failed_among", sql!("failed_among"), "uuid[]", ids("job"), 110.0);
    add("user_jobs_page", sql!("user_jobs_page"), "uuid[]", ids("job"), 110.0);
    add("logs_items", sql!("logs_items"), "uuid[]", ids("job_log"), 55.0);
    let filters = "uuid[], uuid[], uuid, text, jsonb, jsonb, text";
    let values = format!("{}, NULL, NULL, NULL, NULL, NULL, 'failed'", ids("job"));
    add("jobs_choose", sql!("jobs_choose"), filters, values, 110.0);
    let values = format!("{}, NULL, 'failed'", ids("job"));
    add("user_jobs_choose", sql!("user_jobs_choose"), "uuid[], text, text", values, 110.0);
    let values = format!("{}, '{{error}}', 'job', NULL", ids("job_log"));
    add("logs_choose", sql!("logs_choose"), "uuid[], text[], text, jsonb", values, 55.0);
    let values = format!("'{}', NULL, 10001", History::user(3));
    add("user_jobs", sql!("user_jobs"), "uuid, uuid[], bigint", values, JOBS as f64 / 20.0 + 20.0);
    cases
}

/// Of a day that has the indexes.
fn searches() -> Vec<Case> {
    let day = "pg_temp.id_of(4001, 20000, 5), pg_temp.id_of(7999, 20000, 5), 51, NULL";
    let mut cases = Vec::new();
    let mut add = |name, text, types, more: &str, most| {
        cases.push(Case { name, text, types, values: format!("{day}, {more}"), most, each_time: true });
    };
    let types = "uuid, uuid, bigint, uuid[], jsonb, jsonb, uuid, text";
    add("jobs_by_params", sql!("jobs_by_params"), types, "'{\"n\": 5000}', NULL, NULL, NULL", 5.0);
    let types = "uuid, uuid, bigint, uuid[], jsonb, uuid, text";
    add("jobs_by_result", sql!("jobs_by_result"), types, "'{\"nth\": 5000}', NULL, NULL", 5.0);
    let types = "uuid, uuid, bigint, uuid[], text, jsonb, text[]";
    add("logs_by_words", sql!("logs_by_words"), types, "'number 5000', NULL, NULL", 5.0);
    let types = "uuid, uuid, bigint, uuid[], jsonb, text[]";
    add("logs_by_metadata", sql!("logs_by_metadata"), types, "'{\"n\": 5000, \"line\": 1}', NULL", 10.0);
    cases
}

#[tokio::test]
async fn no_page_reads_more_than_it_shows_and_a_little() {
    let sql = Database::shared().await.connect().await;
    History { jobs: JOBS, days: 5, users: 20, workspaces: 3, lines: 2 }.make(&sql).await;
    sql.text("SELECT crier.index_history(100)").await;
    sql.run("ANALYZE crier.job, crier.job_outcome, crier.job_log").await;
    let newest = async |table: &str| {
        let ids =
            format!("SELECT array_agg(id) FROM (SELECT id FROM crier.{table} ORDER BY id DESC LIMIT 50) n");
        format!("'{}'", sql.text(&ids).await)
    };
    let (jobs, lines) = (newest("job").await, newest("job_log").await);
    let job = sql.text("SELECT job_id FROM crier.job_log LIMIT 1").await;
    let mut wrong = Vec::new();
    for case in walks(&job).into_iter().chain(by_ids(&jobs, &lines)).chain(searches()) {
        let mode = if case.each_time { "force_custom_plan" } else { "force_generic_plan" };
        let plan = plan(&sql, mode, case.types, case.text, &case.values).await;
        let mut whole = Vec::new();
        let rows = read(&plan, &mut whole);
        let blocks =
            ["Shared Hit Blocks", "Shared Read Blocks"].map(|name| plan[name].as_f64().unwrap_or(0.0));
        let blocks: f64 = blocks.iter().sum();
        println!("{:<26} {rows:>6} rows of at most {:>6}, {blocks:>6} blocks", case.name, case.most);
        // by ids every row costs a descent of some indexes; a walk costs one for each partition
        let most_blocks = 200.0 + 15.0 * case.most;
        if rows > case.most || blocks > most_blocks || !whole.is_empty() {
            wrong.push(format!(
                "{} ({}) read {rows} rows, {blocks} blocks, {whole:?} from end to end, expected at most {}:\n{}",
                case.name,
                case.values,
                case.most,
                shown(&plan, 0)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    // negative control: the same count sees a search without an index
    sql.run("DROP INDEX crier.job_log_job CASCADE").await;
    let text = sql!("logs_of_job");
    let values = "'00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 51, crier.new_id(), NULL";
    let plan = plan(&sql, "force_generic_plan", "uuid, uuid, bigint, uuid, uuid[]", text, values).await;
    assert!(
        read(&plan, &mut Vec::new()) > JOBS as f64,
        "expected to see that every line was read: {}",
        shown(&plan, 0)
    );
}
