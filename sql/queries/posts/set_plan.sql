-- How far a post has come, and when it is to be published.
UPDATE crier.post
SET stage = $3, scheduled_at = $4, next_slot = $5, updated_at = $6
WHERE workspace_id = $1 AND id = $2
