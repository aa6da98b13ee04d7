-- What people read. Replaced by every crier.migrate(): columns may be added at the end, never moved or dropped.
CREATE OR REPLACE VIEW crier.posts AS
SELECT p.workspace_id, p.id, p.author_id, p.content, p.media, p.settings, crier.post_state(t.states) AS state,
       p.scheduled_at, p.created_at,
       cardinality(t.states)                                  AS targets,
       cardinality(array_positions(t.states, 'published'))    AS published,
       cardinality(array_positions(t.states, 'failed'))       AS failed,
       cardinality(array_positions(t.states, 'unconfirmed'))  AS unconfirmed,
       t.urls
FROM crier.post p
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(pt.state ORDER BY pt.id), '{}') AS states,
           coalesce(array_agg(pt.url ORDER BY pt.id) FILTER (WHERE pt.url IS NOT NULL), '{}') AS urls
    FROM crier.post_target pt
    WHERE pt.workspace_id = p.workspace_id AND pt.post_id = p.id
) t;
COMMENT ON VIEW crier.posts IS 'Every post with the state of all its targets taken together.';

CREATE OR REPLACE VIEW crier.jobs AS
SELECT id, workspace_id, user_id, account_id, platform, kind, params, priority, state, run_at, expires_at, dedupe_key,
       attempt, max_attempts, lost_leases, worker, lease_expires_at, progress, NULL::jsonb AS result, error,
       created_at, NULL::timestamptz AS finished_at
FROM crier.job
UNION ALL
SELECT id, workspace_id, user_id, account_id, platform, kind, params, priority, state, run_at, expires_at, dedupe_key,
       attempt, max_attempts, lost_leases, worker, NULL::timestamptz, progress, result, error,
       created_at, finished_at
FROM crier.job_history;
COMMENT ON VIEW crier.jobs IS 'Every job, waiting, running and finished.';

CREATE OR REPLACE VIEW crier.events AS
SELECT workspace_id, id, kind, account_id, post_id, target_id, payload, created_at FROM crier.event;
COMMENT ON VIEW crier.events IS 'What happened: post_published, post_publish_failed, account_connected, token_refreshed, token_refresh_failed.';

CREATE OR REPLACE VIEW crier.accounts AS
SELECT workspace_id, id, platform, external_id, handle, base_url, status, created_at, updated_at
FROM crier.social_account;
COMMENT ON VIEW crier.accounts IS 'The connected social accounts.';

-- A view normally reads with its owner's rights, which would bypass row security. From 15 on it can read with
-- the caller's; before that, application users have the functions only.
DO $do$
DECLARE
    v text;
BEGIN
    FOREACH v IN ARRAY ARRAY['posts', 'jobs', 'events', 'accounts'] LOOP
        IF current_setting('server_version_num')::int >= 150000 THEN
            EXECUTE format('ALTER VIEW crier.%I SET (security_invoker = true)', v);
            EXECUTE format('GRANT SELECT ON crier.%I TO crier_app', v);
        END IF;
    END LOOP;
END
$do$;
