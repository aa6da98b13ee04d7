SELECT a.platform FROM crier.social_account a WHERE a.workspace_id = $1 AND a.id = $2 AND a.deleted_at IS NULL
