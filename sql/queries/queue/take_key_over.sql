-- Takes one dedupe key, also from a job that has had it since before the window. No row: it is another job's.
INSERT INTO crier.job_key AS k (workspace_id, kind, dedupe_key, job_id, created_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (workspace_id, kind, dedupe_key)
    DO UPDATE SET job_id = excluded.job_id, created_at = excluded.created_at WHERE k.created_at <= $6
RETURNING job_id
