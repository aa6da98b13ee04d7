-- A schedule that waits may find something to publish now.
UPDATE crier.schedule SET is_waiting = false WHERE workspace_id = $1 AND id = $2 AND is_waiting
