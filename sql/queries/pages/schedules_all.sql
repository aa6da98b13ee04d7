-- Schedules, the newest first, from an id on and below another.
SELECT t.id
FROM crier.schedule t
WHERE t.id >= $1 AND t.id < $2
ORDER BY t.id DESC
LIMIT $3
