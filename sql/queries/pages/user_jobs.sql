-- The newest jobs of a user, and which of them the caller may see. Compared and ordered as in jobs_of_workspaces.sql.
SELECT t.id, $2::uuid[] IS NULL OR t.workspace_id = ANY ($2)
FROM crier.job t
WHERE (t.user_id, t.id) >= ($1, '00000000-0000-0000-0000-000000000000')
  AND (t.user_id, t.id) < ($1, 'ffffffff-ffff-ffff-ffff-ffffffffffff') AND t.user_id IS NOT NULL
ORDER BY t.user_id DESC, t.id DESC
LIMIT $3
