-- Targets that are planned anew, at these times. What was refused is prepared anew; where a send was ever unclear, the same bytes go
-- out under the same key. A part waits for the one before it, unless that is published. Those of an account that is disconnected stay.
UPDATE crier.post_target t
SET state = CASE WHEN t.part = 0 OR EXISTS (
                     SELECT FROM crier.post_target b
                     WHERE b.workspace_id = t.workspace_id AND b.post_id = t.post_id AND b.account_id = t.account_id
                       AND b.part = t.part - 1 AND b.state = 'published')
                 THEN 'scheduled' ELSE 'waiting' END,
    due_at = o.due_at,
    job_id = NULL,
    prepared = CASE WHEN t.was_unclear THEN t.prepared END,
    platform_key = CASE WHEN t.was_unclear THEN t.platform_key END,
    request = CASE WHEN t.was_unclear THEN t.request END,
    intent_at = CASE WHEN t.was_unclear THEN t.intent_at END,
    attempts = 0,
    error = NULL,
    updated_at = $5
FROM unnest($3::uuid[], $4::timestamptz[]) AS o (id, due_at)
WHERE t.workspace_id = $1 AND t.post_id = $2 AND t.id = o.id
  AND EXISTS (SELECT FROM crier.social_account a WHERE a.workspace_id = t.workspace_id AND a.id = t.account_id AND a.deleted_at IS NULL)
RETURNING t.id, t.account_id, t.is_comment, t.state, t.due_at
