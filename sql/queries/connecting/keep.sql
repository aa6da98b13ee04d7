UPDATE crier.oauth_state
SET stage = $4, hash = $5, browser_hash = coalesce($6, browser_hash), server = coalesce($7, server), sealed = $8,
    expires_at = $9
WHERE workspace_id = $1 AND id = $2 AND stage = ANY ($3)
RETURNING id
