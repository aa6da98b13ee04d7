//! What row-level security costs those who read: lists of a user and of a workspace, as an application user asks for them and as
//! somebody whom it does not bind asks for the same rows.

use std::time::Duration;

use uuid::Uuid;

use super::Bench;
use super::client::connect;
use super::report::{Millis, Target, Timing};
use super::targets::{Params, times};
use crate::backdoor::History;
use crate::session::Session;

const DAYS: i32 = 10;
/// Jobs of each user, and of each workspace 20 times as many.
const PER_USER: i64 = 1_000;
const USERS_OF_WORKSPACE: i64 = 20;
/// Users who ask, and how often each does.
const ASKING: i64 = 20;
const CALLS: usize = 16;
/// How much longer it may take.
const LIMIT: f64 = 1.5;

/// The list, the statement, and whether it asks for a user or for a workspace.
const LISTS: [(&str, &str, bool); 4] = [
    (
        "a user's jobs, the view",
        "SELECT count(s::text) FROM (SELECT * FROM crier.jobs WHERE user_id = $1 ORDER BY id DESC LIMIT 50) s",
        true,
    ),
    ("a user's jobs, get_user_jobs", "SELECT count(s::text) FROM crier.get_user_jobs($1) s", true),
    (
        "a workspace's posts, the view",
        "SELECT count(s::text) FROM (SELECT * FROM crier.posts WHERE workspace_id = $1 ORDER BY id DESC LIMIT 50) s",
        false,
    ),
    (
        "a workspace's posts, list_posts",
        "SELECT count(s::text) FROM crier.list_posts(p_workspace_id => $1) s",
        false,
    ),
];

pub(super) async fn run(bench: &mut Bench) {
    let sql = connect(&bench.database).await;
    let rows = bench.plan.history as i64;
    let workspaces = (rows / PER_USER / USERS_OF_WORKSPACE).max(1);
    let users = workspaces * USERS_OF_WORKSPACE;
    super::say(&format!("{rows} jobs and as many posts in {workspaces} workspaces"));
    History { jobs: rows, days: DAYS, users, workspaces, lines: 0 }.make(&sql).await;
    fill(&sql, rows, users, workspaces).await;
    let role = "bench_member";
    sql.run(&format!("DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN IN ROLE crier_app")).await;
    let member = Session::connect(&bench.database.url(role)).await;
    for (what, text, of_user) in LISTS {
        let (mut bound, mut free) = (Vec::new(), Vec::new());
        for number in 0..ASKING.min(users) {
            let user = History::user(number);
            let asked = if of_user { user } else { History::workspace(number % workspaces) };
            let calls: Vec<Params<'_>> = (0..CALLS).map(|_| vec![&asked as _]).collect();
            member.run(&format!("SET crier.user_id = '{user}'")).await;
            // in turns, so that both meet the same machine
            bound.extend(times(&member, text, &calls).await);
            free.extend(times(&sql, text, &calls).await);
        }
        compare(bench, what, rows, bound, free);
        if !text.contains("LIMIT") {
            continue;
        }
        let asked = if of_user { History::user(0) } else { History::workspace(0) };
        member.run(&format!("SET crier.user_id = '{}'", History::user(0))).await;
        bench.report.plans.push(format!("{what}, under row security\n{}", plan(&member, text, asked).await));
    }
    bench.crier().clone().empty(&bench.database).await;
}

fn compare(bench: &mut Bench, what: &str, rows: i64, bound: Vec<Duration>, free: Vec<Duration>) {
    let (bound, free) = (Millis::new(bound), Millis::new(free));
    for (how, millis) in [("with", bound), ("without", free)] {
        bench
            .report
            .timings
            .push(Timing { what: format!("{what}, {rows} rows, {how} row security"), millis });
    }
    let ratio = bound.p50_ms / free.p50_ms.max(0.001);
    bench.report.targets.push(Target {
        what: format!("{what}, {rows} rows: with row security by without, p50"),
        measured: Some(ratio),
        limit: LIMIT,
        unit: "times",
        pass: Some(ratio < LIMIT),
    });
}

/// Members, and as many posts as there are jobs.
async fn fill(sql: &Session, posts: i64, users: i64, workspaces: i64) {
    let (user, workspace) = (History::user(0).to_string(), History::workspace(0).to_string());
    let of = |prefix: &str, number: &str| {
        format!("('{}' || lpad(to_hex({number}), 12, '0'))::uuid", &prefix[..24])
    };
    let (member, theirs) = (of(&user, "n"), of(&workspace, &format!("n % {workspaces}")));
    sql.run(&format!(
        "SET synchronous_commit = off; \
         INSERT INTO crier.workspace_member (workspace_id, user_id, role) \
             SELECT {theirs}, {member}, 'editor' FROM generate_series(0, {users} - 1) n ON CONFLICT DO NOTHING; \
         INSERT INTO crier.social_account (workspace_id, id, platform, external_id, handle, base_url, status) \
             SELECT {theirs}, {theirs}, 'bluesky', 'did:' || n, 'a.test', 'https://x', 'active' FROM generate_series(0, {workspaces} - 1) n \
             ON CONFLICT DO NOTHING; \
         WITH made AS ( \
             INSERT INTO crier.post (workspace_id, id, content, media, settings, scheduled_at) \
             SELECT {theirs}, crier.new_id(), 'post ' || n, '[]', '{{}}', now() FROM generate_series(1, {posts}::bigint) n RETURNING *) \
         INSERT INTO crier.post_target (workspace_id, id, post_id, account_id, platform, job_id, state, published_at) \
             SELECT workspace_id, crier.new_id(), id, workspace_id, 'bluesky', crier.new_id(), 'published', now() FROM made; \
         RESET synchronous_commit"
    ))
    .await;
    sql.run("VACUUM ANALYZE crier.workspace_member, crier.post, crier.post_target, crier.social_account")
        .await;
}

async fn plan(member: &Session, text: &str, asked: Uuid) -> String {
    let text = text.replace("$1", &format!("'{asked}'"));
    member.text(&format!("EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) {text}")).await
}
