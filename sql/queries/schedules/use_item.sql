UPDATE crier.schedule_item
SET uses = uses + 1, turn = turn + 2520 / weight, last_used_at = $3
WHERE workspace_id = $1 AND id = $2
