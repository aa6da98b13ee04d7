-- When the next target is due that has no job, later than $1.
SELECT t.due_at
FROM crier.post_target t
WHERE t.job_id IS NULL AND t.state = 'scheduled' AND t.due_at > $1
ORDER BY t.due_at
LIMIT 1
