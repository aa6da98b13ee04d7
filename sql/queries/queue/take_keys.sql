-- Takes dedupe keys for jobs and answers with the jobs that got theirs. A concurrent taker of the same key is waited
-- for, in the order of the keys, so that two callers can't wait for each other.
INSERT INTO crier.job_key (workspace_id, kind, dedupe_key, job_id, created_at)
SELECT i.workspace_id, i.kind, i.dedupe_key, i.job_id, $5
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[]) AS i (workspace_id, kind, dedupe_key, job_id)
ORDER BY i.workspace_id, i.kind, i.dedupe_key, i.job_id
ON CONFLICT (workspace_id, kind, dedupe_key) DO NOTHING
RETURNING job_id
