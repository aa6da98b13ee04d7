SELECT workspace_id, wrapped FROM crier.data_key WHERE id = $1
