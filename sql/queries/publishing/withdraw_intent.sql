UPDATE crier.post_target
SET state = 'preparing', prepared = NULL, platform_key = NULL, request = NULL, intent_at = NULL, drafted_at = NULL, updated_at = $2
WHERE job_id = $1 AND state = 'committing' AND NOT was_unclear
RETURNING id
