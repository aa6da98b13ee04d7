DELETE FROM crier.schedule_item WHERE workspace_id = $1 AND schedule_id = $2 AND id = $3 RETURNING true
