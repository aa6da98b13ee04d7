DELETE FROM crier.post WHERE workspace_id = $1 AND id = $2
