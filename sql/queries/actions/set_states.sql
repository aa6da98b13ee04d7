-- Writes what became of actions and tells it as events. A final state is never left. A post that was taken back is marked.
-- Answers with those that ended without being done.
WITH changed AS (
    UPDATE crier.account_action a
    SET state = o.state,
        error = CASE WHEN o.state = 'done' THEN NULL ELSE coalesce(o.detail, a.error) END,
        external_id = CASE WHEN o.state = 'done' THEN o.detail ->> 'external_id' END,
        url = CASE WHEN o.state = 'done' THEN o.detail ->> 'url' END,
        finished_at = CASE WHEN o.state IN ('done', 'failed', 'unconfirmed', 'canceled') THEN $4::timestamptz END,
        updated_at = $4::timestamptz
    FROM unnest($1::uuid[], $2::text[], $3::jsonb[], $5::uuid[]) AS o (job_id, state, detail, event_id)
    WHERE a.job_id = o.job_id AND a.finished_at IS NULL
    RETURNING a.*, o.event_id
), gone AS (
    UPDATE crier.post_target t SET deleted_at = $4, updated_at = $4
    FROM changed c
    WHERE c.state = 'done' AND c.kind = 'delete_post' AND t.workspace_id = c.workspace_id AND t.id = c.target_id
), told AS (
    INSERT INTO crier.event (workspace_id, id, kind, account_id, post_id, target_id, payload, created_at)
    SELECT c.workspace_id, c.event_id, 'action_' || c.state, c.account_id,
           (SELECT t.post_id FROM crier.post_target t WHERE t.workspace_id = c.workspace_id AND t.id = c.target_id), c.target_id,
           jsonb_strip_nulls(jsonb_build_object('action_id', c.id, 'kind', c.kind, 'subject', c.subject, 'url', c.url,
                                                'external_id', c.external_id, 'error', c.error)), $4
    FROM changed c
    WHERE c.state IN ('done', 'failed', 'unconfirmed')
)
SELECT c.workspace_id, c.event_id, c.state, c.id, c.kind, c.job_id, c.account_id, a.platform, a.handle, c.subject, c.error
FROM changed c
LEFT JOIN crier.social_account a ON a.workspace_id = c.workspace_id AND a.id = c.account_id
WHERE c.state IN ('failed', 'unconfirmed')
