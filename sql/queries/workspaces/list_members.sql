SELECT user_id, role, created_at
FROM crier.workspace_member
WHERE workspace_id = $1 AND user_id > coalesce($2, '00000000-0000-0000-0000-000000000000'::uuid)
ORDER BY user_id
LIMIT $3
