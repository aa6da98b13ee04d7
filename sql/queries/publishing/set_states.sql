-- Writes what became of targets and tells it as events. A final state is never left: published stays published. Answers with
-- those that ended without a post, and those for which others wait.
WITH changed AS (
    UPDATE crier.post_target t
    SET state = o.state,
        was_unclear = t.was_unclear OR o.state IN ('unknown', 'unconfirmed'),
        error = CASE WHEN o.state = 'published' THEN NULL ELSE coalesce(o.detail, t.error) END,
        external_id = CASE WHEN o.state = 'published' THEN o.detail ->> 'external_id' ELSE t.external_id END,
        url = CASE WHEN o.state = 'published' THEN o.detail ->> 'url' ELSE t.url END,
        published_at = CASE WHEN o.state = 'published' THEN $4 ELSE t.published_at END,
        updated_at = $4
    FROM unnest($1::uuid[], $2::text[], $3::jsonb[], $5::uuid[]) AS o (job_id, state, detail, event_id)
    WHERE t.job_id = o.job_id AND t.state NOT IN ('published', 'failed', 'unconfirmed', 'canceled')
    RETURNING t.*, o.event_id
), told AS (
    INSERT INTO crier.event (workspace_id, id, kind, account_id, post_id, target_id, payload, created_at)
    SELECT workspace_id, event_id, CASE state WHEN 'published' THEN 'post_published' ELSE 'post_publish_failed' END,
           account_id, post_id, id,
           jsonb_strip_nulls(jsonb_build_object('state', state, 'url', url, 'external_id', external_id, 'error', error)), $4
    FROM changed
    WHERE state IN ('published', 'failed', 'unconfirmed')
), freed AS (
    DELETE FROM crier.slot_booking b
    USING changed c
    WHERE c.state = 'canceled' AND c.part = 0
      AND b.workspace_id = c.workspace_id AND b.post_id = c.post_id AND b.account_id = c.account_id
)
SELECT c.workspace_id, c.event_id, c.state, c.post_id, c.id, c.job_id, c.account_id, c.platform,
       (SELECT a.handle FROM crier.social_account a WHERE a.workspace_id = c.workspace_id AND a.id = c.account_id), c.error, c.part
FROM changed c
WHERE c.state IN ('failed', 'unconfirmed') OR (c.state = 'published' AND c.has_next)
