//! What one of many tenants waits for: lists of a user and of a workspace and a workspace's figures, as an application user asks for
//! them, and as somebody whom row-level security does not bind asks for the same rows. One workspace has a tenth of all posts.

use std::time::Duration;

use uuid::Uuid;

use super::Bench;
use super::client::connect;
use super::pages::{last_page, plan_of, short};
use super::report::{Millis, Target, Timing};
use super::targets::{Params, times};
use crate::backdoor::History;
use crate::session::Session;

const DAYS: i32 = 10;
/// Jobs of each user.
const PER_USER: i64 = 1_000;
/// Workspaces of each user, who is the only member of them.
const WORKSPACES_OF_USER: i64 = 5;
/// One of so many posts is the largest workspace's.
const PART: i64 = 10;
/// Users who ask, and how often each does.
const ASKING: i64 = 20;
const CALLS: usize = 16;
/// How much longer it may take under row-level security.
const LIMIT: f64 = 1.5;
/// How long a list of posts, and the figures of a workspace may take: milliseconds.
const LIST_LIMIT: f64 = 500.0;
const STATISTICS_LIMIT: f64 = 200.0;

/// Who is asked about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    User,
    Workspace,
}

/// What is asked for, and how long it may take.
struct Ask {
    what: &'static str,
    sql: &'static str,
    of: Of,
    limit: Option<f64>,
}

const FIGURES: &str = "SELECT count(s::text) FROM crier.get_workspace_stats($1) s";
const ASKS: [Ask; 5] = [
    Ask {
        what: "a user's jobs, the view",
        sql: "SELECT count(s::text) FROM (SELECT * FROM crier.jobs WHERE user_id = $1 ORDER BY id DESC LIMIT 50) s",
        of: Of::User,
        limit: None,
    },
    Ask {
        what: "a user's jobs, get_user_jobs",
        sql: "SELECT count(s::text) FROM crier.get_user_jobs($1) s",
        of: Of::User,
        limit: Some(5.0),
    },
    Ask {
        what: "a workspace's posts, the view",
        sql: "SELECT count(s::text) FROM (SELECT * FROM crier.posts WHERE workspace_id = $1 ORDER BY id DESC LIMIT 50) s",
        of: Of::Workspace,
        limit: None,
    },
    Ask {
        what: "a workspace's posts, list_posts",
        sql: "SELECT count(s::text) FROM crier.list_posts(p_workspace_id => $1) s",
        of: Of::Workspace,
        limit: Some(LIST_LIMIT),
    },
    Ask {
        what: "a workspace's figures, get_workspace_stats",
        sql: FIGURES,
        of: Of::Workspace,
        limit: Some(STATISTICS_LIMIT),
    },
];

pub(super) async fn run(bench: &mut Bench) {
    let sql = connect(&bench.database).await;
    let rows = bench.plan.history as i64;
    let users = (rows / PER_USER).max(1);
    let workspaces = users * WORKSPACES_OF_USER;
    super::say(&format!("{rows} jobs and as many posts in {workspaces} workspaces"));
    History { jobs: rows, days: DAYS, users, workspaces, lines: 0 }.make(&sql).await;
    fill(&sql, rows, users, workspaces).await;
    bench.report.note(&format!("tenants: {rows} jobs and as many posts in {workspaces} workspaces of {users} users, the largest of which has {}", rows / PART));
    let role = "bench_member";
    sql.run(&format!("DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN IN ROLE crier_app")).await;
    let member = Session::connect(&bench.database.url(role)).await;
    for ask in &ASKS {
        let (mut bound, mut free) = (Vec::new(), Vec::new());
        // number 0 has the largest workspace
        for number in 1..=ASKING.min(users - 1) {
            let (user, workspace) = (History::user(number), History::workspace(number));
            let asked = if ask.of == Of::User { user } else { workspace };
            let calls: Vec<Params<'_>> = (0..CALLS).map(|_| vec![&asked as _]).collect();
            become_user(&member, user).await;
            // in turns, so that both meet the same machine
            bound.extend(times(&member, ask.sql, &calls).await);
            free.extend(times(&sql, ask.sql, &calls).await);
        }
        compare(bench, ask, rows, bound, free);
    }
    become_user(&member, History::user(0)).await;
    largest(bench, &member, rows).await;
    for ask in ASKS.iter().filter(|ask| ask.sql.contains("LIMIT")) {
        let asked = if ask.of == Of::User { History::user(0) } else { History::workspace(0) };
        let plan = plan(&member, ask.sql, asked).await;
        bench.report.plans.push(format!("{}, under row security\n{plan}", ask.what));
    }
    plans(bench, &sql).await;
    bench.crier().clone().empty(&bench.database).await;
}

async fn become_user(member: &Session, user: Uuid) {
    member.run(&format!("SET crier.user_id = '{user}'")).await;
}

fn compare(bench: &mut Bench, ask: &Ask, rows: i64, bound: Vec<Duration>, free: Vec<Duration>) {
    let (what, bound, free) = (ask.what, Millis::new(bound), Millis::new(free));
    for (how, millis) in [("with", bound), ("without", free)] {
        let what = format!("{what}, {rows} rows, {how} row security");
        bench.report.timings.push(Timing { what, millis });
    }
    let ratio = bound.p50_ms / free.p50_ms.max(0.001);
    bench.report.targets.push(Target {
        what: format!("{what}, {rows} rows: with row security by without, p50"),
        measured: Some(ratio),
        limit: LIMIT,
        unit: "times",
        pass: Some(ratio < LIMIT),
    });
    if let Some(limit) = ask.limit {
        let what = format!("{what}, {rows} rows, p95");
        bench.report.targets.push(Target::below(&what, Some(bound.p95_ms), limit));
    }
}

/// The largest workspace as its member sees it: the first page, one at the end of all, and its figures.
async fn largest(bench: &mut Bench, member: &Session, rows: i64) {
    const PAGE: &str = "SELECT next_cursor FROM crier.list_posts($2, 50, p_workspace_id => $1)";
    const OLDEST: &str = "SELECT id FROM crier.posts WHERE workspace_id = $1 ORDER BY id LIMIT 60";
    let workspace = History::workspace(0);
    let first: String = member.value(PAGE, &[&workspace, &None::<String>]).await;
    let oldest: Vec<Uuid> = member.column(OLDEST, &[&workspace]).await;
    let last = last_page(&first, &oldest);
    for (what, cursor, limit) in [
        ("the first page of 50 posts", Some(None), LIST_LIMIT),
        ("the last page of 50 posts", Some(Some(last)), LIST_LIMIT),
        ("its figures", None, STATISTICS_LIMIT),
    ] {
        let (sql, params): (_, Params<'_>) = match &cursor {
            Some(cursor) => (PAGE, vec![&workspace as _, cursor as _]),
            None => (FIGURES, vec![&workspace as _]),
        };
        let millis = Millis::new(times(member, sql, &vec![params; ASKING as usize]).await);
        let what = format!("the largest workspace, {} of {rows} posts: {what}", rows / PART);
        bench.report.targets.push(Target::below(&format!("{what}, p95"), Some(millis.p95_ms), limit));
        bench.report.timings.push(Timing { what, millis });
    }
}

/// Members, and as many posts as there are jobs.
async fn fill(sql: &Session, posts: i64, users: i64, workspaces: i64) {
    let (user, workspace) = (History::user(0).to_string(), History::workspace(0).to_string());
    let of = |prefix: &str, number: &str| {
        format!("('{}' || lpad(to_hex({number}), 12, '0'))::uuid", &prefix[..24])
    };
    let member = of(&user, &format!("n % {users}"));
    let theirs = of(&workspace, "n");
    let someone = of(&workspace, &format!("CASE WHEN n % {PART} = 0 THEN 0 ELSE n % {workspaces} END"));
    sql.run(&format!(
        "SET synchronous_commit = off; \
         INSERT INTO crier.workspace_member (workspace_id, user_id, role) \
             SELECT {theirs}, {member}, 'editor' FROM generate_series(0, {workspaces} - 1) n ON CONFLICT DO NOTHING; \
         INSERT INTO crier.social_account (workspace_id, id, platform, external_id, handle, base_url, status) \
             SELECT {theirs}, {theirs}, 'bluesky', 'did:' || n, 'a.test', 'https://x', 'active' FROM generate_series(0, {workspaces} - 1) n \
             ON CONFLICT DO NOTHING; \
         WITH made AS ( \
             INSERT INTO crier.post (workspace_id, id, content, media, settings, scheduled_at) \
             SELECT {someone}, crier.new_id(), 'post ' || n, '[]', '{{}}', now() FROM generate_series(1, {posts}::bigint) n RETURNING *) \
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
    short(&member.text(&format!("EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) {text}")).await)
}

/// The statements of the functions, with the plans that they make.
async fn plans(bench: &mut Bench, sql: &Session) {
    let workspace = History::workspace(0);
    let (newest, least) = (Uuid::max(), Uuid::nil());
    for (what, types, text, values) in [
        (
            "a page of a workspace's posts",
            "uuid, uuid, bigint, uuid[]",
            include_str!("../../../sql/queries/pages/posts_of_workspaces.sql"),
            format!("'{least}', '{newest}', 51, ARRAY['{workspace}'::uuid]"),
        ),
        (
            "a workspace's figures",
            "uuid, bigint",
            include_str!("../../../sql/queries/statistics/workspace.sql"),
            format!("'{workspace}', 5000"),
        ),
    ] {
        let plan = plan_of(sql, "generic", types, text, &values).await;
        bench.report.plans.push(format!("{what}\n{plan}"));
    }
}
