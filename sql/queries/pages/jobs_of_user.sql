-- Jobs of a user, the newest first, whatever their workspace: who may see them is asked of each. Compared and ordered as
-- in jobs_of_workspaces.sql.
SELECT t.id
FROM crier.job t
WHERE t.user_id >= $4 AND t.user_id <= $4
  AND (t.user_id, t.id) >= ($4, $1) AND (t.user_id, t.id) < ($4, $2)
ORDER BY t.user_id DESC, t.id DESC
LIMIT $3
