-- The unfinished ones among these jobs, for the working set.
SELECT j.id, j.workspace_id, j.account_id, j.user_id, j.kind, j.platform, j.priority,
       coalesce(r.run_at, j.run_at), j.expires_at, j.max_attempts, coalesce(r.attempt, 0), coalesce(r.lost_leases, 0),
       j.dedupe_key IS NOT NULL OR j.user_id IS NOT NULL, r.id IS NOT NULL,
       EXISTS (SELECT 1 FROM crier.job_scheduled s WHERE s.run_at = coalesce(r.run_at, j.run_at) AND s.id = j.id),
       r.retried_at, j.host
FROM unnest($1::uuid[]) AS i (id)
JOIN crier.job j ON j.id = i.id
LEFT JOIN LATERAL (
    SELECT q.id, q.run_at, q.attempt, q.lost_leases, q.retried_at
    FROM crier.job_retry q WHERE q.id = j.id ORDER BY q.retried_at DESC LIMIT 1
) r ON true
WHERE NOT EXISTS (SELECT 1 FROM crier.job_outcome o WHERE o.id = j.id)
