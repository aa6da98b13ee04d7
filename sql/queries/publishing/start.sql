-- What a worker needs to publish a target. A target that was caught between intent and answer becomes unknown:
-- the platform is asked before anything is sent again. With an account that is disconnected nothing is begun.
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
      AND EXISTS (SELECT FROM crier.social_account a
                  WHERE a.workspace_id = t.workspace_id AND a.id = t.account_id AND a.deleted_at IS NULL)
    RETURNING t.*
)
SELECT t.id, t.post_id, t.workspace_id, t.account_id, t.platform, t.state,
       CASE WHEN t.content IS NOT NULL THEN t.content
            WHEN t.part = 0 THEN p.content
            ELSE p.thread -> (t.part - 1) ->> 'content'
       END AS content,
       CASE WHEN t.media IS NOT NULL THEN t.media
            WHEN t.part = 0 THEN p.media
            WHEN t.content IS NULL THEN p.thread -> (t.part - 1) -> 'media'
            ELSE '[]'
       END AS media,
       coalesce(t.settings, p.settings -> t.platform, '{}') AS settings, t.prepared, t.platform_key, t.request, t.attempts,
       t.intent_at, a.external_id, a.handle, a.base_url, a.status, t.url, t.was_unclear, t.drafted_at, t.part,
       -- the post that this part answers: its id, or where a person found it
       CASE WHEN t.part > 0 THEN (
           SELECT coalesce(b.external_id, b.url) FROM crier.post_target b
           WHERE b.workspace_id = t.workspace_id AND b.post_id = t.post_id AND b.account_id = t.account_id
             AND b.part = t.answers)
       END AS reply_to
FROM started t
JOIN crier.post p ON p.workspace_id = t.workspace_id AND p.id = t.post_id
JOIN crier.social_account a ON a.workspace_id = t.workspace_id AND a.id = t.account_id
