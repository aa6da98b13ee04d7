-- Stops a schedule, or has it go on; $4, $5: from where, and its next occurrence.
UPDATE crier.schedule
SET state = $3, cursor_at = $4, cursor_wall = NULL, next_at = $5, is_waiting = false, updated_at = $6
WHERE workspace_id = $1 AND id = $2
