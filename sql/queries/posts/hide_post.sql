UPDATE crier.post SET deleted_at = $3, updated_at = $3 WHERE workspace_id = $1 AND id = $2
