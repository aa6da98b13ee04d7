-- The log of a job, the newest line first. Compared and ordered as in jobs_of_workspaces.sql. The workspaces stand in
-- here: how long the log of somebody else's job is must not show in a cursor.
SELECT t.id
FROM crier.job_log t
WHERE t.job_id >= $4 AND t.job_id <= $4
  AND (t.job_id, t.id) >= ($4, $1) AND (t.job_id, t.id) < ($4, $2)
  AND ($5::uuid[] IS NULL OR t.workspace_id = ANY ($5))
ORDER BY t.job_id DESC, t.id DESC
LIMIT $3
