-- The newest first: whoever invites somebody a thousand times hides none that comes after.
SELECT w.id, w.name, i.role, i.invited_by, i.expires_at
FROM crier.workspace_invitation i
CROSS JOIN LATERAL (SELECT q.id, q.name FROM crier.workspace q WHERE q.id = i.workspace_id AND q.deleted_at IS NULL LIMIT 1) w
WHERE i.user_id = $1 AND i.expires_at > $2
ORDER BY i.created_at DESC, w.id
LIMIT $3
