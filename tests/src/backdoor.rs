//! What tests do behind the queue's back: they make time pass, so that none waits for a minute of backoff or a lease,
//! and they undo what was recorded. The only place of the tests that writes to the queue's tables: another storage
//! changes it here.

use uuid::Uuid;

use crate::session::Session;

/// Lets every lease run out now.
pub async fn lapse_leases(superuser: &Session) {
    superuser
        .run("UPDATE crier.job SET lease_expires_at = now() - interval '1 second' WHERE state = 'running'")
        .await;
}

/// Makes every job that waits for a retry due now.
pub async fn make_retries_due(superuser: &Session) {
    make_due(superuser, "state = 'retrying'").await;
}

/// Makes every job due now, also those planned for later.
pub async fn make_all_due(superuser: &Session) {
    make_due(superuser, "state <> 'running'").await;
}

async fn make_due(superuser: &Session, which: &str) {
    let update = format!("UPDATE crier.job SET run_at = now() WHERE {which} AND run_at > now() RETURNING 1");
    superuser
        .run(&format!("WITH due AS ({update}) SELECT pg_notify('crier_jobs', '') FROM due LIMIT 1"))
        .await;
}

/// Lets the time pass at which waiting jobs are no longer worth running.
pub async fn expire(superuser: &Session) {
    superuser
        .run("UPDATE crier.job SET expires_at = now() - interval '1 second' WHERE expires_at IS NOT NULL")
        .await;
}

/// Makes the attempt that runs now the last one of a post's only target.
pub async fn make_attempt_the_last(superuser: &Session, post: Uuid) {
    let changed = superuser
        .rows(
            "UPDATE crier.job SET max_attempts = attempt WHERE state = 'running' AND id = \
                 (SELECT job_id FROM crier.post_target WHERE post_id = $1) RETURNING id",
            &[&post],
        )
        .await;
    assert_eq!(changed.len(), 1, "expected the job of post {post} to run");
}

/// Puts the finished job of a post's only target back into the queue, as if its end had never been recorded.
pub async fn undo_end_of_job(superuser: &Session, post: Uuid) {
    let moved = superuser
        .rows(
            "WITH ended AS (DELETE FROM crier.job_history WHERE id = \
                 (SELECT job_id FROM crier.post_target WHERE post_id = $1) RETURNING *) \
             INSERT INTO crier.job (id, workspace_id, user_id, account_id, platform, kind, params, priority, state, \
                 run_at, attempt, max_attempts, created_at) \
             SELECT id, workspace_id, user_id, account_id, platform, kind, params, priority, 'pending', now(), \
                 attempt, max_attempts, created_at FROM ended RETURNING id",
            &[&post],
        )
        .await;
    assert_eq!(moved.len(), 1, "expected the job of post {post} to be finished");
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
    superuser.run("TRUNCATE crier.job").await;
    superuser.run("VACUUM ANALYZE").await;
}
