-- Of two who take a target back at once, the second finds the action of the first.
SELECT deleted_at IS NOT NULL FROM crier.post_target WHERE workspace_id = $1 AND id = $2 FOR UPDATE
