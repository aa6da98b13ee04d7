-- Takes the outcomes of dead jobs back: they begin again. What went wrong stays readable until they end, and an end that
-- the statistics have not summed up yet stays known to them.
WITH dead AS (
    DELETE FROM crier.job_outcome WHERE id = ANY ($1::uuid[]) AND state = 'failed'
    RETURNING id, workspace_id, run_at, attempt, token, error, finished_at
), undone AS (
    INSERT INTO crier.job_undone (id, kind, platform, run_at, attempt, token, finished_at)
    SELECT d.id, j.kind, j.platform, d.run_at, d.attempt, d.token, d.finished_at
    FROM dead d
    CROSS JOIN LATERAL (SELECT b.kind, b.platform FROM crier.job b WHERE b.id = d.id LIMIT 1) j
    WHERE d.finished_at >= (SELECT closed_until FROM crier.stat_state)
)
INSERT INTO crier.job_retry (id, retried_at, workspace_id, run_at, attempt, lost_leases, error)
SELECT id, $2, workspace_id, $2, 0, 0, error FROM dead
RETURNING id
