-- What people read. Replaced by every crier.migrate(): columns may be added at the end, never moved or dropped.
CREATE OR REPLACE VIEW crier.posts AS
SELECT p.workspace_id, p.id, p.author_id, p.content, p.media, p.settings,
       CASE WHEN p.stage = 'scheduled' THEN crier.post_state(t.states) ELSE p.stage END AS state,
       p.scheduled_at, p.created_at,
       cardinality(t.states)                                  AS targets,
       cardinality(array_positions(t.states, 'published'))    AS published,
       cardinality(array_positions(t.states, 'failed'))       AS failed,
       cardinality(array_positions(t.states, 'unconfirmed'))  AS unconfirmed,
       t.urls, p.thread, t.deleted, p.stage, p.accounts, p.variants, p.first_comment, p.split, p.priority, p.updated_at,
       ARRAY(SELECT g.tag FROM crier.post_tag g WHERE g.workspace_id = p.workspace_id AND g.post_id = p.id ORDER BY g.tag) AS tags,
       p.schedule_id
FROM crier.post p
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(pt.state ORDER BY pt.id), '{}') AS states,
           coalesce(array_agg(pt.url ORDER BY pt.id) FILTER (WHERE pt.url IS NOT NULL), '{}') AS urls,
           (count(*) FILTER (WHERE pt.deleted_at IS NOT NULL))::integer AS deleted
    FROM crier.post_target pt
    WHERE pt.workspace_id = p.workspace_id AND pt.post_id = p.id
) t
WHERE p.deleted_at IS NULL;
COMMENT ON VIEW crier.posts IS 'Every post with the state of all its targets taken together, or its stage before it has any. Deleted ones are left out.';

CREATE OR REPLACE VIEW crier.jobs AS
SELECT j.id, j.workspace_id, j.user_id, j.account_id, j.platform, j.kind, j.params, j.priority,
       CASE WHEN o.id IS NOT NULL THEN o.state
            WHEN l.token IS NOT NULL THEN 'running'
            WHEN r.id IS NOT NULL THEN 'retrying'
            ELSE 'pending'
       END AS state,
       coalesce(o.run_at, r.run_at, j.run_at) AS run_at, j.expires_at, j.dedupe_key,
       coalesce(o.attempt, l.attempt, r.attempt, 0) AS attempt, j.max_attempts,
       coalesce(o.lost_leases, r.lost_leases, 0) AS lost_leases,
       CASE WHEN o.token IS NOT NULL OR l.token IS NOT NULL
            THEN crier.job_worker(j.id, coalesce(o.token, l.token)) END AS worker,
       l.lease_expires_at, p.progress, o.result, CASE WHEN o.id IS NULL THEN r.error ELSE o.error END AS error,
       j.created_at, o.finished_at
FROM crier.job j
LEFT JOIN crier.job_outcome o ON o.id = j.id
LEFT JOIN LATERAL (
    SELECT q.id, q.run_at, q.attempt, q.lost_leases, q.error
    FROM crier.job_retry q WHERE q.id = j.id ORDER BY q.retried_at DESC LIMIT 1
) r ON o.id IS NULL
LEFT JOIN LATERAL crier.job_lease(CASE WHEN o.id IS NULL THEN j.id END, j.workspace_id) l ON true
LEFT JOIN crier.job_progress p ON p.id = j.id;
COMMENT ON VIEW crier.jobs IS 'Every job, waiting, running and finished. Who runs what is known on the primary only.';

CREATE OR REPLACE VIEW crier.pauses AS
SELECT scope, nullif(name, '') AS name, reason, paused_at FROM crier.pause;
COMMENT ON VIEW crier.pauses IS 'What is stopped for now: a kind, a platform, an account, a workspace, or everything (scope all).';

CREATE OR REPLACE VIEW crier.blocks AS
SELECT workspace_id, platform, nullif(host, '') AS host,
       nullif(account_id, '00000000-0000-0000-0000-000000000000') AS account_id, nullif(action, '') AS action,
       until, reason, blocked_at, set_by
FROM crier.limit_block
WHERE until > now();
COMMENT ON VIEW crier.blocks IS 'What is blocked until a time: an account, an action of one, or a server.';

CREATE OR REPLACE VIEW crier.events AS
SELECT workspace_id, id, kind, account_id, post_id, target_id, payload, created_at FROM crier.event;
COMMENT ON VIEW crier.events IS 'What happened: post_published, post_publish_failed, account_connected, account_deleted, token_refreshed, token_refresh_failed, webhook_received, account_revoked, action_done, action_failed, action_unconfirmed, post_resolved_absent; and what somebody did with a post: post_edited, post_rescheduled, post_canceled, post_retried, post_submitted, post_approved, post_rejected, post_deleted.';

CREATE OR REPLACE VIEW crier.actions AS
SELECT workspace_id, id, account_id, platform, kind, subject, text, target_id, user_id, job_id, state, attempts, run_at,
       started_at, external_id, url, error, created_at, finished_at
FROM crier.account_action;
COMMENT ON VIEW crier.actions IS 'What accounts did or are to do besides publishing: likes, follows, messages, posts taken back.';

CREATE OR REPLACE VIEW crier.accounts AS
SELECT workspace_id, id, platform, external_id, handle, base_url, status, created_at, updated_at, status_reason
FROM crier.social_account
WHERE deleted_at IS NULL;
COMMENT ON VIEW crier.accounts IS 'The connected social accounts. status_reason: why one needs a new login.';

CREATE OR REPLACE VIEW crier.job_logs AS
SELECT id, job_id, workspace_id, level, message, metadata, created_at FROM crier.job_log;
COMMENT ON VIEW crier.job_logs IS 'What workers said about their jobs: crier.log_job and crier.log_jobs.';

CREATE OR REPLACE VIEW crier.webhooks AS
SELECT workspace_id, id, source, platform, account_id, external_id, kinds, payload, headers, received_at, processed_at, replays
FROM crier.webhook_event;
COMMENT ON VIEW crier.webhooks IS 'What platforms sent, as far as it concerns an account: crier.list_webhooks has it page by page.';

-- A view normally reads with its owner's rights, which would bypass row security. From 15 on it can read with
-- the caller's; before that, application users have the functions only.
DO $do$
DECLARE
    v text;
BEGIN
    FOREACH v IN ARRAY ARRAY['posts', 'jobs', 'job_logs', 'events', 'accounts', 'actions', 'blocks', 'webhooks'] LOOP
        IF current_setting('server_version_num')::int >= 150000 THEN
            EXECUTE format('ALTER VIEW crier.%I SET (security_invoker = true)', v);
            EXECUTE format('GRANT SELECT ON crier.%I TO crier_app', v);
        END IF;
    END LOOP;
END
$do$;
