-- The newest jobs of a user, and which of them the caller may see.
SELECT t.id, $2::uuid[] IS NULL OR t.workspace_id = ANY ($2)
FROM crier.job t
WHERE t.user_id = $1
ORDER BY t.id DESC
LIMIT $3
