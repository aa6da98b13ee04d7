UPDATE crier.post_target SET prepared = $2, updated_at = $3 WHERE job_id = $1 AND state IN ('preparing', 'unknown')
RETURNING id
