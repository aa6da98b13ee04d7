//! What tests do behind the queue's back: they make time pass, so that none waits for a minute of backoff or a lease,
//! and they undo what was recorded. The only place of the tests that writes to the queue's tables: another storage
//! changes it here.

use uuid::Uuid;

use crate::session::Session;

/// Lets every lease run out now.
pub async fn lapse_leases(superuser: &Session) {
    superuser.text("SELECT crier.expire_leases()").await;
}

/// Makes every job that waits for a retry due now.
pub async fn make_retries_due(superuser: &Session) {
    make_due(superuser, "state = 'retrying'").await;
}

/// Makes every job due now, also those planned for later.
pub async fn make_all_due(superuser: &Session) {
    make_due(superuser, "state IN ('pending', 'retrying')").await;
}

async fn make_due(superuser: &Session, which: &str) {
    let jobs = format!("SELECT id FROM crier.jobs WHERE {which} AND run_at > now()");
    superuser.text(&format!("SELECT count(*) FROM crier.retry_jobs(ARRAY({jobs}))")).await;
}

/// Lets the time pass at which waiting jobs are no longer worth running.
pub async fn expire(superuser: &Session) {
    superuser
        .run("UPDATE crier.job SET expires_at = now() - interval '1 second' WHERE expires_at IS NOT NULL")
        .await;
    reload(superuser).await;
}

/// Makes the attempt that runs now the last one of a post's only target.
pub async fn make_attempt_the_last(superuser: &Session, post: Uuid) {
    let changed = superuser
        .rows(
            "UPDATE crier.job j SET max_attempts = v.attempt FROM crier.jobs v WHERE v.id = j.id AND v.state = 'running' \
                 AND j.id = (SELECT job_id FROM crier.post_target WHERE post_id = $1) RETURNING j.id",
            &[&post],
        )
        .await;
    assert_eq!(changed.len(), 1, "expected the job of post {post} to run");
    reload(superuser).await;
}

/// Puts the finished job of a post's only target back into the queue, as if its end had never been recorded.
pub async fn undo_end_of_job(superuser: &Session, post: Uuid) {
    let undone = superuser
        .rows(
            "WITH ended AS (DELETE FROM crier.job_outcome WHERE id = \
                 (SELECT job_id FROM crier.post_target WHERE post_id = $1) RETURNING *) \
             INSERT INTO crier.job_retry (id, retried_at, workspace_id, run_at, attempt, lost_leases) \
             SELECT id, clock_timestamp(), workspace_id, now(), attempt, 0 FROM ended RETURNING id",
            &[&post],
        )
        .await;
    assert_eq!(undone.len(), 1, "expected the job of post {post} to be finished");
    reload(superuser).await;
}

/// Forgets that a target was published: it is as it was when the request had been sent and no answer had come.
pub async fn forget_outcome(superuser: &Session, post: Uuid) {
    superuser
        .rows(
            "UPDATE crier.post_target SET state = 'committing', published_at = NULL, url = NULL, external_id = NULL \
             WHERE post_id = $1",
            &[&post],
        )
        .await;
}

/// Takes the frozen key and request away, and every trace that something was sent: what a system without an intent
/// would know after a crash. For negative controls.
pub async fn forget_intent(superuser: &Session, post: Uuid) {
    superuser
        .rows(
            "UPDATE crier.post_target SET platform_key = NULL, request = NULL, state = 'queued', intent_at = NULL \
             WHERE post_id = $1",
            &[&post],
        )
        .await;
}

/// Empties the queue and leaves its tables as new.
pub async fn empty_queue(superuser: &Session) {
    superuser
        .run(
            "TRUNCATE crier.job, crier.job_outcome, crier.job_retry, crier.job_progress, crier.job_claim, \
                 crier.job_scheduled, crier.job_key, crier.limit_use, crier.job_stat, crier.worker_stat, crier.job_undone",
        )
        .await;
    reload(superuser).await;
    superuser.run("VACUUM ANALYZE").await;
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

/// Has the queue look at what was changed behind its back.
async fn reload(superuser: &Session) {
    superuser.text("SELECT crier.reload_queue()").await;
}
