//! A database as years of work leave it, for plans and starts.

use uuid::Uuid;

use crate::session::Session;

/// A history that years of work leave. See `backdoor/past.sql`.
#[derive(Clone, Copy, Debug)]
pub struct Past {
    /// Days before today.
    pub days: i32,
    /// Jobs of each of them.
    pub per_day: i32,
    /// How many jobs of each of them are unfinished.
    pub open: i32,
    /// Unfinished jobs of today.
    pub live: i32,
}

/// Fills a new database with it, and tells the planner.
pub async fn fill(superuser: &Session, past: Past) {
    let Past { days, per_day, open, live } = past;
    superuser.run("SET synchronous_commit = off").await;
    superuser.run(include_str!("past.sql")).await;
    superuser.rows("SELECT pg_temp.make_past_partitions($1)", &[&days]).await;
    superuser.rows("SELECT pg_temp.fill($1, $2, $3, $4)", &[&days, &per_day, &open, &live]).await;
    superuser.run("ANALYZE").await;
    superuser.run("RESET synchronous_commit").await;
}

/// Jobs of one workspace that ended within the last six days, one of ten as a dead letter, and a post each for some of them.
pub async fn add_history(superuser: &Session, workspace: Uuid, account: Uuid, jobs: i64, posts: i64) {
    superuser
        .rows(
            "INSERT INTO crier.job (id, workspace_id, kind, platform, params, priority, run_at, max_attempts, created_at)
             SELECT crier.new_id(), $1, 'kind ' || n % 8, (ARRAY['bluesky', 'mastodon'])[1 + (n % 3)::int], '{}', 0, now(), 3, now()
             FROM generate_series(1, $2::bigint) n",
            &[&workspace, &jobs],
        )
        .await;
    superuser
        .rows(
            "INSERT INTO crier.job_outcome (id, workspace_id, state, run_at, attempt, lost_leases, token, finished_at)
             SELECT id, workspace_id, CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'completed' END, at - interval '3 seconds', 1, 0,
                    crier.micros(at) - (n * 7919) % 2000000, at
             FROM (SELECT id, workspace_id, n, now() - (1 - n::float8 / $2::bigint) * interval '6 days' AS at
                   FROM (SELECT id, workspace_id, row_number() OVER (ORDER BY id) AS n FROM crier.job WHERE workspace_id = $1) j) j",
            &[&workspace, &jobs],
        )
        .await;
    superuser
        .rows(
            "WITH p AS (INSERT INTO crier.post (workspace_id, id, content, media, settings, scheduled_at)
                        SELECT $1, crier.new_id(), 'post', '[]', '{}', now() FROM generate_series(1, $3::bigint) RETURNING id)
             INSERT INTO crier.post_target (workspace_id, id, post_id, account_id, platform, job_id, state, published_at)
             SELECT $1, crier.new_id(), id, $2, 'bluesky', crier.new_id(), 'published', now() FROM p",
            &[&workspace, &account, &posts],
        )
        .await;
    superuser
        .run("UPDATE crier.stat_state SET begun_at = now() - interval '7 days', closed_until = now() - interval '7 days'")
        .await;
    superuser.run("VACUUM ANALYZE").await;
}
