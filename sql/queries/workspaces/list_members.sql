-- People: crier.list_api_keys has the machines.
SELECT m.user_id, m.role, m.created_at
FROM crier.workspace_member m
WHERE m.workspace_id = $1 AND m.user_id > coalesce($2, '00000000-0000-0000-0000-000000000000'::uuid)
  AND NOT EXISTS (SELECT 1 FROM crier.api_key k WHERE k.id = m.user_id OFFSET 0)
ORDER BY m.user_id
LIMIT $3
