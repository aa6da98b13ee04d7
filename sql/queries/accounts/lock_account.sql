SELECT workspace_id, platform FROM crier.social_account WHERE id = $1 FOR UPDATE
