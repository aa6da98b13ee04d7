-- Unfinished jobs from an id on and before another, as they were added: what has happened to them since is read apart.
-- Both sides come in the order of their ids, so that a chunk costs no more than its length.
SELECT j.id, j.workspace_id, j.account_id, j.user_id, j.kind, j.platform, j.priority, j.run_at, j.expires_at,
       j.max_attempts, 0, 0, j.dedupe_key IS NOT NULL OR j.user_id IS NOT NULL, false, false, NULL::timestamptz, j.host
FROM crier.job j
WHERE j.id >= $1 AND j.id < $3
  AND NOT EXISTS (SELECT 1 FROM crier.job_outcome o WHERE o.id = j.id AND o.id >= $1 AND o.id < $3)
ORDER BY j.id
LIMIT $2
