SELECT count(*) FROM crier.workspace_invitation WHERE workspace_id = $1 AND user_id <> $2
