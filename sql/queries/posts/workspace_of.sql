SELECT workspace_id FROM crier.post WHERE id = $1 AND deleted_at IS NULL AND ($2::uuid[] IS NULL OR workspace_id = ANY ($2))
