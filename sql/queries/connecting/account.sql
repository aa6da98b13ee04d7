SELECT a.platform FROM crier.social_account a WHERE a.workspace_id = $1 AND a.id = $2
