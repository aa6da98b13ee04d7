DELETE FROM crier.workspace_invitation WHERE workspace_id = $1 AND invited_by = $2
