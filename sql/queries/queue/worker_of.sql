-- Who has, or had, a job of one of these workspaces by this token.
SELECT c.worker
FROM crier.job_claim c
WHERE c.recorded_at = $1 AND c.token = $1 AND $2 = ANY (c.job_ids)
  AND ($3::uuid[] IS NULL OR EXISTS (SELECT 1 FROM crier.job j WHERE j.id = $2 AND j.workspace_id = ANY ($3)))
LIMIT 1
