UPDATE crier.post_target SET state = 'canceled', updated_at = $3
WHERE workspace_id = $1 AND post_id = $2 AND state = 'waiting'
