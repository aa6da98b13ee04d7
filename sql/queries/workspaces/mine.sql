SELECT w.id, w.name, m.role, m.created_at
FROM crier.workspace_member m
CROSS JOIN LATERAL (SELECT q.id, q.name FROM crier.workspace q WHERE q.id = m.workspace_id LIMIT 1) w
WHERE m.user_id = $1
ORDER BY w.id
LIMIT $2
