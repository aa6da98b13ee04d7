-- The jobs that wait for this account to be connected again: those whose newest return to the queue says so. OFFSET keeps
-- the look-up one for each job: joined, it would read all outcomes there are.
SELECT r.id
FROM crier.job_retry r
CROSS JOIN LATERAL (
    SELECT q.retried_at FROM crier.job_retry q WHERE q.id = r.id ORDER BY q.retried_at DESC LIMIT 1
) n
WHERE r.parked_for = $1
  AND n.retried_at = r.retried_at
  AND NOT EXISTS (SELECT 1 FROM crier.job_outcome o WHERE o.id = r.id OFFSET 0)
