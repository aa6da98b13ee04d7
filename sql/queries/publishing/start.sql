-- What a worker needs to publish a target. A target that was caught between intent and answer becomes unknown:
-- the platform is asked before anything is sent again.
WITH started AS (
    UPDATE crier.post_target t
    SET state = CASE WHEN t.state IN ('scheduled', 'queued') THEN 'preparing'
                     WHEN t.state = 'committing' THEN 'unknown'
                     ELSE t.state END,
        was_unclear = t.was_unclear OR t.state IN ('committing', 'unknown'),
        attempts = CASE WHEN t.state IN ('scheduled', 'queued', 'preparing', 'committing', 'unknown') THEN $2
                        ELSE t.attempts END,
        updated_at = $3
    WHERE t.job_id = $1
    RETURNING t.*
)
SELECT t.id, t.post_id, t.workspace_id, t.account_id, t.platform, t.state, p.content, p.media,
       coalesce(p.settings -> t.platform, '{}') AS settings, t.prepared, t.platform_key, t.request, t.attempts,
       t.intent_at, a.external_id, a.handle, a.base_url, a.status, t.url, t.was_unclear, t.drafted_at
FROM started t
JOIN crier.post p ON p.workspace_id = t.workspace_id AND p.id = t.post_id
JOIN crier.social_account a ON a.workspace_id = t.workspace_id AND a.id = t.account_id
