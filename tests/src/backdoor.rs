//! What tests do behind the queue's back: they make time pass, so that none waits for a minute of backoff or a lease,
//! and they undo what was recorded. The only place of the tests that writes to the queue's tables: another storage
//! changes it here.

mod history;
mod past;

use uuid::Uuid;

use crate::session::Session;

pub use history::History;
pub use past::{Past, add_history, fill};

/// Lets every lease run out now.
pub async fn lapse_leases(superuser: &Session) {
    superuser.text("SELECT crier.expire_leases()").await;
}

/// Lets every right to refresh a token run out now.
pub async fn lapse_refreshes(superuser: &Session) {
    superuser.run("UPDATE crier.credential SET refresh_leased_until = NULL").await;
}

/// Lets it be time to renew every token that ends.
pub async fn make_refreshes_due(superuser: &Session) {
    superuser
        .run(
            "UPDATE crier.credential SET refresh_at = now() - interval '1 second', refresh_leased_until = NULL \
             WHERE refresh_at IS NOT NULL",
        )
        .await;
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

/// Lets everything that was sent lie minutes back: what a platform does not show then is not there.
pub async fn age_intents(superuser: &Session) {
    age_intents_by(superuser, 5).await;
}

/// The same by so many minutes.
pub async fn age_intents_by(superuser: &Session, minutes: i32) {
    // in the order in which everything locks them
    superuser
        .rows(
            "WITH locked AS MATERIALIZED (SELECT id FROM crier.post_target WHERE intent_at IS NOT NULL ORDER BY id FOR UPDATE) \
             UPDATE crier.post_target SET intent_at = intent_at - make_interval(mins => $1) WHERE id IN (SELECT id FROM locked)",
            &[&minutes],
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

/// Takes the trace away that something was sent, and leaves the key and the request: what a system would know that freezes them and
/// records no intent. For negative controls.
pub async fn forget_that_it_was_sent(superuser: &Session, post: Uuid) {
    superuser
        .rows(
            "UPDATE crier.post_target SET state = 'queued', intent_at = NULL, was_unclear = false WHERE post_id = $1",
            &[&post],
        )
        .await;
}

/// Takes the fence before a send away: whoever asks may send, with whatever token. For negative controls.
pub async fn unfence_intents(superuser: &Session) {
    superuser
        .run(
            "CREATE OR REPLACE FUNCTION crier.record_intent(job_id uuid, token bigint, platform_key text, request text, \
                 lease interval DEFAULT '2 minutes') \
             RETURNS TABLE (platform_key text, request text) LANGUAGE sql SECURITY DEFINER \
             SET search_path = pg_catalog, pg_temp \
             AS 'SELECT t.platform_key, t.request FROM crier.post_target t WHERE t.job_id = $1'",
        )
        .await;
}

/// Takes the record away that a message is being sent. For negative controls.
pub async fn forget_sending(superuser: &Session, action: Uuid) {
    let sql = "UPDATE crier.account_action SET state = 'running', sent_at = NULL WHERE id = $1 AND state = 'sending' RETURNING id";
    assert_eq!(superuser.rows(sql, &[&action]).await.len(), 1, "expected action {action} to be being sent");
}

/// Adds a job whose id was made at the beginning of a day some days ago; `reopened`: with what the library notes of a
/// job that it adds so late.
pub async fn add_late(superuser: &Session, days_ago: i32, reopened: bool) -> Uuid {
    let id: Uuid = superuser
        .value(
            "INSERT INTO crier.job (id, kind, params, priority, run_at, max_attempts, created_at) \
             SELECT (lpad(to_hex((extract(epoch FROM date_trunc('day', now(), 'UTC')) * 1000)::bigint - $1::int * 86400000::bigint), 12, '0') \
                     || '7' || substr(md5(random()::text), 1, 3) || '8' || substr(md5(random()::text), 1, 15))::uuid, \
                    'late', '{}', 0, now(), 3, now() RETURNING id",
            &[&days_ago],
        )
        .await;
    if reopened {
        superuser.rows("INSERT INTO crier.job_reopened (id, reopened_at) VALUES ($1, now())", &[&id]).await;
    }
    id
}

/// Lets the newest claim have been made some hours earlier; answers with its token then.
pub async fn age_claim(superuser: &Session, hours: i64) -> i64 {
    superuser
        .value(
            "UPDATE crier.job_claim SET recorded_at = recorded_at - $1::bigint * 3600000000, token = token - $1 * 3600000000 \
             WHERE token = (SELECT max(token) FROM crier.job_claim) RETURNING token",
            &[&hours],
        )
        .await
}

/// Takes the end of one finished job of some days ago back, and tells nobody.
pub async fn forget_an_end(superuser: &Session, days_ago: i32) -> Uuid {
    superuser
        .value(
            "DELETE FROM crier.job_outcome WHERE id = (SELECT o.id FROM crier.job_outcome o JOIN crier.job j USING (id) \
                 WHERE j.created_at < date_trunc('day', now(), 'UTC') - ($1::int - 1) * interval '1 day' \
                   AND j.created_at > date_trunc('day', now(), 'UTC') - $1::int * interval '1 day' \
                   AND o.state = 'completed' ORDER BY o.id LIMIT 1) RETURNING id",
            &[&days_ago],
        )
        .await
}

/// Empties the queue and leaves its tables as new.
pub async fn empty_queue(superuser: &Session) {
    superuser
        .run(
            "TRUNCATE crier.job_claim_mark, crier.job_day, crier.job_reopened, crier.job, crier.job_outcome, crier.job_retry, \
                 crier.job_progress, crier.job_claim, crier.job_scheduled, crier.job_key, crier.job_log, crier.limit_use, \
                 crier.job_stat, crier.worker_stat, crier.job_undone",
        )
        .await;
    reload(superuser).await;
    superuser.run("VACUUM ANALYZE").await;
}

/// Adds jobs that were completed some days ago, as they would be there.
pub async fn add_completed(superuser: &Session, count: i64, days: i32) {
    superuser
        .run(&format!(
            "SELECT crier.attach_day(p, current_date - {days}) FROM unnest('{{job,job_outcome,job_retry,job_progress,job_claim}}'::name[]) p \
             WHERE crier.create_day(p, current_date - {days}) IS NOT NULL; \
             WITH made AS ( \
                 SELECT (left(replace(crier.first_id(at)::text, '-', ''), 12) || '7' || left(md5(n::text), 19))::uuid AS id, at \
                 FROM generate_series(1, {count}) n, LATERAL (SELECT current_date - {days} + n * interval '24 hours' / ({count} + 1) AS at) t \
             ), outcomes AS ( \
                 INSERT INTO crier.job_outcome (id, state, run_at, attempt, lost_leases, result, finished_at) \
                 SELECT id, 'completed', at, 1, 0, '{{\"ok\": true}}', at FROM made \
             ) \
             INSERT INTO crier.job (id, kind, params, priority, run_at, max_attempts, created_at) \
             SELECT id, 'old', jsonb_build_object('text', repeat('x', 200)), 0, at, 3, at FROM made"
        ))
        .await;
    superuser.run("VACUUM ANALYZE").await;
}

/// The id that a job has after [`pass_days`].
pub fn aged(id: Uuid, days: u32) -> Uuid {
    let day = u128::from(days) * 86_400_000;
    Uuid::from_u128(id.as_u128() - (day << 80))
}

/// Has the queue look at what was changed behind its back.
async fn reload(superuser: &Session) {
    superuser.text("SELECT crier.reload_queue()").await;
}

/// Has the database take itself for a copy of another one.
pub async fn become_a_copy(superuser: &Session) {
    superuser.run("UPDATE crier.installation SET system_identifier = 'another'").await;
}

/// Lets this many days pass for everything that the queue has on record so far, and looks at it again.
pub async fn pass_days(superuser: &Session, days: i32) {
    // a UUIDv7 begins with its milliseconds
    superuser
        .run(
            "CREATE OR REPLACE FUNCTION pg_temp.older(id uuid, days int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ \
                 SELECT (lpad(to_hex(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint - days * 86400000::bigint), \
                         12, '0') || right(replace(id::text, '-', ''), 20))::uuid $$",
        )
        .await;
    let aged = format!("interval '{days} days'");
    superuser
        .run(&format!(
            "SELECT crier.attach_day(p, d::date) FROM unnest('{{job,job_outcome,job_retry,job_progress,job_claim}}'::name[]) p, \
                 generate_series((SELECT min(day) FROM crier.partitions) - {days}, current_date - 1, '1 day') d \
                 WHERE crier.create_day(p, d::date) IS NOT NULL; \
             UPDATE crier.job SET id = pg_temp.older(id, {days}), run_at = run_at - {aged}, created_at = created_at - {aged}; \
             UPDATE crier.job_outcome SET id = pg_temp.older(id, {days}), run_at = run_at - {aged}, finished_at = finished_at - {aged}; \
             UPDATE crier.job_retry SET id = pg_temp.older(id, {days}), run_at = run_at - {aged}, retried_at = retried_at - {aged}; \
             UPDATE crier.job_progress SET id = pg_temp.older(id, {days}); \
             UPDATE crier.job_key SET job_id = pg_temp.older(job_id, {days}), created_at = created_at - {aged}; \
             UPDATE crier.job_scheduled SET id = pg_temp.older(id, {days}), run_at = run_at - {aged}; \
             UPDATE crier.post_target SET job_id = pg_temp.older(job_id, {days}); \
             UPDATE crier.account_action SET job_id = pg_temp.older(job_id, {days}); \
             UPDATE crier.job_claim SET recorded_at = recorded_at - {days} * 86400000000::bigint, \
                 token = token - {days} * 86400000000::bigint, lease_expires_at = lease_expires_at - {aged}, \
                 job_ids = ARRAY(SELECT pg_temp.older(i, {days}) FROM unnest(job_ids) i)"
        ))
        .await;
    reload(superuser).await;
}
