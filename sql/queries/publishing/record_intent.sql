-- The point of no return. The first key and request win: every later try sends the same bytes under the same key.
UPDATE crier.post_target t
SET state = 'committing',
    platform_key = coalesce(platform_key, $2),
    request = coalesce(request, $3),
    drafted_at = CASE WHEN request IS NULL THEN $4 ELSE drafted_at END,
    intent_at = $4,
    updated_at = $4
WHERE job_id = $1 AND state IN ('preparing', 'unknown', 'committing')
  -- nothing of a deleted post is sent, or sent again
  AND EXISTS (SELECT FROM crier.post p WHERE p.workspace_id = t.workspace_id AND p.id = t.post_id AND p.deleted_at IS NULL)
RETURNING platform_key, request
