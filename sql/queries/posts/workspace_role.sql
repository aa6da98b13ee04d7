-- The role of a user in a workspace: NULL for a workspace that has no such member. No row: no such workspace.
SELECT m.role
FROM crier.workspace w
LEFT JOIN crier.workspace_member m ON m.workspace_id = w.id AND m.user_id = $2
WHERE w.id = $1 AND w.deleted_at IS NULL
