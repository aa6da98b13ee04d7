-- Where the unfinished ones among the jobs of a range stand, if they went back to the queue.
SELECT DISTINCT ON (r.id) r.id, r.run_at, r.attempt, r.lost_leases
FROM crier.job_retry r
WHERE r.id >= $1 AND r.id <= $2
  AND NOT EXISTS (SELECT 1 FROM crier.job_outcome o WHERE o.id = r.id)
ORDER BY r.id, r.retried_at DESC
