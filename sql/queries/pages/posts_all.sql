-- Posts, the newest first, from an id on and below another.
SELECT t.id
FROM crier.post t
WHERE t.id >= $1 AND t.id < $2 AND t.deleted_at IS NULL
ORDER BY t.id DESC
LIMIT $3
