-- Takes the outcomes of dead jobs back: they begin again. What went wrong stays readable until they end.
WITH dead AS (
    DELETE FROM crier.job_outcome WHERE id = ANY ($1::uuid[]) AND state = 'failed' RETURNING id, workspace_id, error
)
INSERT INTO crier.job_retry (id, retried_at, workspace_id, run_at, attempt, lost_leases, error)
SELECT id, $2, workspace_id, $2, 0, 0, error FROM dead
RETURNING id
