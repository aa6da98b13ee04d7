-- A job that was done: a set of arrays would cost more than the row.
INSERT INTO crier.job_outcome (id, workspace_id, state, run_at, attempt, lost_leases, token, result, finished_at)
VALUES ($1, $2, 'completed', $3, $4, $5, $6, $7, $8)
