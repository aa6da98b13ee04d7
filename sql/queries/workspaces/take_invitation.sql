DELETE FROM crier.workspace_invitation WHERE workspace_id = $1 AND user_id = $2 AND expires_at > $3 RETURNING role
