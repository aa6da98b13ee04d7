SELECT user_id, role, invited_by, created_at, expires_at
FROM crier.workspace_invitation
WHERE workspace_id = $1 AND expires_at > $2
ORDER BY user_id
