-- Jobs that were far and are near now. A job that was given another time since then has another entry.
SELECT DISTINCT s.id
FROM crier.job_scheduled s
WHERE s.run_at > $1 AND s.run_at <= $2
