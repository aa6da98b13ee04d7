-- The log of a job, the newest line first. The workspaces stand in here: how long the log of somebody else's job is
-- must not show in a cursor.
SELECT t.id
FROM crier.job_log t
WHERE t.job_id = $4 AND t.id >= $1 AND t.id < $2
  AND ($5::uuid[] IS NULL OR t.workspace_id = ANY ($5))
ORDER BY t.id DESC
LIMIT $3
