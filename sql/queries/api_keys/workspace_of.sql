SELECT workspace_id FROM crier.api_key WHERE id = $1 AND ($2::uuid[] IS NULL OR workspace_id = ANY ($2))
