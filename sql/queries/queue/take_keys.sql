-- Takes dedupe keys for jobs and answers with the jobs that got theirs: those that nobody has, and those of jobs that
-- have ended. A concurrent taker of the same key is waited for, in the order of the keys, so that two callers can't wait
-- for each other.
INSERT INTO crier.job_key AS k (workspace_id, kind, dedupe_key, job_id, created_at)
SELECT DISTINCT ON (i.workspace_id, i.kind, i.dedupe_key) i.workspace_id, i.kind, i.dedupe_key, i.job_id, $5
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[]) AS i (workspace_id, kind, dedupe_key, job_id)
ORDER BY i.workspace_id, i.kind, i.dedupe_key, i.job_id
ON CONFLICT (workspace_id, kind, dedupe_key)
    DO UPDATE SET job_id = excluded.job_id, created_at = excluded.created_at
    WHERE EXISTS (SELECT 1 FROM crier.job_outcome o WHERE o.id = k.job_id)
RETURNING job_id
