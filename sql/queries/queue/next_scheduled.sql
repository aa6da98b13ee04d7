-- When the next job that is not in memory falls due.
SELECT s.run_at
FROM crier.job_scheduled s
JOIN crier.job j ON j.id = s.id
WHERE s.run_at > $1 AND ($2::text[] IS NULL OR j.kind = ANY ($2))
  AND NOT EXISTS (SELECT 1 FROM crier.job_outcome o WHERE o.id = s.id)
ORDER BY s.run_at
LIMIT 1
