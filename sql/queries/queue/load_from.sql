-- Unfinished jobs from an id on, for the working set. Far ones that are noted in job_scheduled are left there.
SELECT j.id, j.workspace_id, j.account_id, j.user_id, j.kind, j.platform, j.priority,
       coalesce(r.run_at, j.run_at), j.expires_at, j.max_attempts, coalesce(r.attempt, 0), coalesce(r.lost_leases, 0),
       j.dedupe_key IS NOT NULL, r.id IS NOT NULL, false
FROM crier.job j
LEFT JOIN LATERAL (
    SELECT q.id, q.run_at, q.attempt, q.lost_leases
    FROM crier.job_retry q WHERE q.id = j.id ORDER BY q.retried_at DESC LIMIT 1
) r ON true
WHERE j.id >= $1
  AND NOT EXISTS (SELECT 1 FROM crier.job_outcome o WHERE o.id = j.id)
  AND (coalesce(r.run_at, j.run_at) <= $2
       OR NOT EXISTS (SELECT 1 FROM crier.job_scheduled s WHERE s.run_at = coalesce(r.run_at, j.run_at) AND s.id = j.id))
ORDER BY j.id
LIMIT $3
