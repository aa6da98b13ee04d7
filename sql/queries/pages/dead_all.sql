-- Jobs that failed for good, the newest first, from an id on and below another.
SELECT t.id
FROM crier.job_outcome t
WHERE t.id >= $1 AND t.id < $2 AND t.state = 'failed'
ORDER BY t.id DESC
LIMIT $3
