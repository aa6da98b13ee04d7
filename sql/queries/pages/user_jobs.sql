-- The newest jobs of a user, and which of them the caller may see. Compared and ordered as in jobs_of_workspaces.sql.
SELECT t.id, $2::uuid[] IS NULL OR t.workspace_id = ANY ($2)
FROM crier.job t
WHERE t.user_id >= $1 AND t.user_id <= $1
ORDER BY t.user_id DESC, t.id DESC
LIMIT $3
