INSERT INTO crier.workspace_invitation (workspace_id, user_id, role, invited_by, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (workspace_id, user_id) DO UPDATE
    SET role = excluded.role, invited_by = excluded.invited_by, created_at = excluded.created_at, expires_at = excluded.expires_at
