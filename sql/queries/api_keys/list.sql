SELECT id, name, role, made_by, created_at, expires_at, last_used_at, revoked_at
FROM crier.api_key
WHERE workspace_id = $1
ORDER BY id DESC
