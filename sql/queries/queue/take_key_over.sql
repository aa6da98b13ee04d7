-- Takes one dedupe key, also from a job that has ended or has had it since before the window. No row: it is another job's.
INSERT INTO crier.job_key AS k (workspace_id, kind, dedupe_key, job_id, created_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (workspace_id, kind, dedupe_key)
    DO UPDATE SET job_id = excluded.job_id, created_at = excluded.created_at 
    WHERE k.created_at <= $6 OR EXISTS (SELECT 1 FROM crier.job_outcome o WHERE o.id = k.job_id)
RETURNING job_id
