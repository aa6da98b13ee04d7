SELECT i.role
FROM crier.workspace_invitation i
JOIN crier.workspace w ON w.id = i.workspace_id AND w.deleted_at IS NULL
WHERE i.workspace_id = $1 AND i.user_id = $2 AND i.expires_at > $3
