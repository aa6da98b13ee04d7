-- What was done in a workspace, the newest first, from an id on and below another.
SELECT t.id
FROM crier.activity_log t
WHERE t.workspace_id = $4 AND t.id >= $1 AND t.id < $2
ORDER BY t.id DESC
LIMIT $3
