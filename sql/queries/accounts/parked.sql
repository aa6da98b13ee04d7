-- The jobs that wait for this account to be connected again.
SELECT r.id
FROM crier.job_retry r
WHERE r.parked_for = $1
  AND NOT EXISTS (SELECT 1 FROM crier.job_outcome o WHERE o.id = r.id)
  AND NOT EXISTS (SELECT 1 FROM crier.job_retry n WHERE n.id = r.id AND n.retried_at > r.retried_at)
