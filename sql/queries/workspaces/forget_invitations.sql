DELETE FROM crier.workspace_invitation WHERE workspace_id = $1 AND expires_at <= $2
