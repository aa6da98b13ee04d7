DELETE FROM crier.oauth_state WHERE workspace_id = $1 AND id = $2
