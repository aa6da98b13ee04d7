//! Every policy matters: without it, or with a weaker one, the oracle finds something.

use crier_tests::cluster::Database;
use crier_tests::session::Session;

use super::oracle::{Canaries, read_rows, relations, two};

#[tokio::test]
async fn each_policy_is_missed_when_it_is_dropped_or_weakened() {
    let database = Database::shared().await;
    let (superuser, ours, theirs) = two(&database).await;
    let canaries = Canaries::of(&superuser, theirs.workspace).await;
    let (readable, _) = relations(&superuser).await;
    let look = async || read_rows(ours.owner(), &readable, &canaries).await;
    assert_eq!(look().await, [] as [String; 0]);
    let policies = superuser
        .rows("SELECT tablename::text, policyname::text, qual FROM pg_policies WHERE schemaname = 'crier' ORDER BY 1", &[])
        .await;
    let (mut mutants, mut survivors) = (0, Vec::new());
    for policy in &policies {
        let (table, name, qual): (String, String, String) = (policy.get(0), policy.get(1), policy.get(2));
        let alter = |qual: &str| format!("ALTER POLICY {name} ON crier.{table} USING ({qual})");
        let create = format!("CREATE POLICY {name} ON crier.{table} FOR SELECT TO crier_app USING ({qual})");
        for (how, mutate, restore) in [
            ("weakened to true", alter("true"), alter(&qual)),
            (
                "weakened to everybody with a workspace",
                alter("cardinality(crier.my_workspace_ids()) > 0"),
                alter(&qual),
            ),
            ("dropped", format!("DROP POLICY {name} ON crier.{table}"), create.clone()),
            (
                "switched off",
                format!("ALTER TABLE crier.{table} DISABLE ROW LEVEL SECURITY"),
                format!("ALTER TABLE crier.{table} ENABLE ROW LEVEL SECURITY"),
            ),
        ] {
            superuser.run(&mutate).await;
            if look().await.is_empty() {
                survivors.push(format!("{table}.{name} {how}"));
            }
            superuser.run(&restore).await;
            mutants += 1;
        }
    }
    assert!(mutants >= 60, "{mutants} mutants");
    assert_eq!(survivors, [] as [String; 0], "of {mutants} mutants");
    assert_eq!(look().await, [] as [String; 0], "expected everything to be as it was");
}

/// What the catalogue has that the rule does not allow.
async fn offenders(superuser: &Session, sql: &str) -> String {
    superuser.text(sql).await
}

#[tokio::test]
async fn no_table_is_forgotten() {
    let database = Database::shared().await;
    let superuser = database.connect().await;
    let tables = "pg_class c WHERE c.relnamespace = 'crier'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition";
    let form = "(%s = ANY (( SELECT crier.my_workspace_ids() AS my_workspace_ids)::uuid[]))";
    // a table that members may read has the one policy, and a policy is for what members may read
    let differ = format!(
        "SELECT c.relname FROM {tables} AND has_table_privilege('crier_app', c.oid, 'SELECT') IS DISTINCT FROM coalesce(( \
             SELECT count(*) = 1 AND bool_and(p.polname = 'members_read' AND p.polcmd = 'r' AND p.polpermissive \
                    AND p.polroles = ARRAY['crier_app'::regrole::oid] \
                    AND pg_get_expr(p.polqual, p.polrelid) = format('{form}', CASE c.relname WHEN 'workspace' THEN 'id' ELSE 'workspace_id' END)) \
             FROM pg_policy p WHERE p.polrelid = c.oid), false)"
    );
    assert_eq!(offenders(&superuser, &differ).await, "");
    let stray = "SELECT polrelid::regclass FROM pg_policy WHERE polrelid::regclass::text LIKE 'crier.%' AND polname <> 'members_read'";
    assert_eq!(offenders(&superuser, stray).await, "");
    // whoever adds a table of tenants' data that members do not read says so here
    let kept = "'credential', 'data_key', 'oauth_state', 'alert_endpoint', 'alert_told', 'job_key', 'workspace_invitation', 'api_key', \
                'open_kind', 'post_import', 'activity_log', 'analytics_event', 'analytics_delta', 'analytics_hour', 'analytics_day', 'analytics_kind', 'user_statistic', \
                'user_statistic_refresh'";
    let closed = format!(
        "SELECT c.relname FROM {tables} AND NOT has_table_privilege('crier_app', c.oid, 'SELECT') AND c.relname NOT IN ({kept}) \
         AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'workspace_id')"
    );
    assert_eq!(offenders(&superuser, &closed).await, "", "expected a policy, or a word here why not");
    // by an index, not row by row
    let unindexed = format!(
        "SELECT c.relname FROM {tables} AND has_table_privilege('crier_app', c.oid, 'SELECT') AND NOT EXISTS ( \
             SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] \
             WHERE i.indrelid = c.oid AND a.attname IN ('workspace_id', 'id') \
               AND a.attname = CASE c.relname WHEN 'workspace' THEN 'id' ELSE 'workspace_id' END) ORDER BY 1"
    );
    // those of a job are few, and found by the job's id; limit_block has a row for what is blocked now
    assert_eq!(offenders(&superuser, &unindexed).await.replace('\n', " "), UNINDEXED);
    let forced = format!("SELECT c.relname FROM {tables} AND NOT c.relrowsecurity");
    assert_eq!(offenders(&superuser, &forced).await, "");
    // who may write tables, besides their owner: nobody
    let writable = format!(
        "SELECT c.relname, r FROM unnest('{{crier_app,crier_worker,crier_monitor,public}}'::text[]) r, {tables} \
         AND has_table_privilege(r, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')"
    );
    assert_eq!(offenders(&superuser, &writable).await, "");
    // nor does everybody have any right, on a view or a sequence either; the role 0 of an access list stands for them
    let of_everybody = "SELECT c.relname || ' ' || a.privilege_type FROM pg_class c, aclexplode(c.relacl) a \
                        WHERE c.relnamespace = 'crier'::regnamespace AND a.grantee = 0";
    assert_eq!(offenders(&superuser, of_everybody).await, "");
    superuser.run("GRANT SELECT ON crier.posts TO PUBLIC").await;
    assert_eq!(offenders(&superuser, of_everybody).await, "posts SELECT", "the control");
}

const UNINDEXED: &str = "job_progress job_retry limit_block";

#[tokio::test]
async fn membership_is_asked_once_a_query_and_leads_into_an_index() {
    let database = Database::shared().await;
    let (superuser, ours, _theirs) = two(&database).await;
    let (readable, _) = relations(&superuser).await;
    let session = ours.owner();
    // whatever the planner thinks of tables that are as small as these
    session.run("SET enable_seqscan = off; SET enable_bitmapscan = off").await;
    let tables = [
        "workspace_member",
        "social_account",
        "post",
        "post_target",
        "job",
        "event",
        "job_log",
        "account_limit",
        "account_action",
        "post_metrics",
    ];
    for table in tables.into_iter().chain(["workspace"]) {
        assert!(readable.iter().any(|known| known == table), "{table}");
        let plan = session.text(&format!("EXPLAIN (VERBOSE, COSTS off) SELECT * FROM crier.{table}")).await;
        let column = if table == "workspace" { "id" } else { "workspace_id" };
        let led = plan
            .lines()
            .any(|line| line.contains("Index Cond:") && line.contains(&format!(".{column} = ANY ($0)")));
        let once = plan.lines().filter(|line| line.contains("my_workspace_ids()")).count() == 1;
        assert!(plan.contains("InitPlan 1 (returns $0)") && led && once, "crier.{table}\n{plan}");
    }
    // what an application asks for: by the newest first, from an index, without a sort
    for (query, index) in [
        (
            ours.named("SELECT * FROM crier.posts WHERE workspace_id = 'WS' ORDER BY id DESC LIMIT 50"),
            "post_pkey",
        ),
        (
            ours.named("SELECT * FROM crier.jobs WHERE user_id = 'USER' ORDER BY id DESC LIMIT 50"),
            "_user_id_",
        ),
    ] {
        let plan = session.text(&format!("EXPLAIN (COSTS off) {query}")).await;
        let walked = plan.lines().any(|line| line.contains("Index Scan Backward") && line.contains(index));
        assert!(walked && plan.contains("InitPlan"), "{query}\n{plan}");
    }
}
