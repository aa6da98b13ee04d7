-- Jobs that were far and are near now, the nearest first. A job that was given another time since has another entry.
SELECT s.id, s.run_at
FROM crier.job_scheduled s
WHERE s.run_at > $1 AND s.run_at <= $2
ORDER BY s.run_at, s.id
LIMIT $3
