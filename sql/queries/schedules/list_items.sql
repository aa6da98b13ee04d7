-- Items of a schedule, the newest first, from an id on and below another.
SELECT i.id
FROM crier.schedule_item i
WHERE i.workspace_id = $4 AND i.schedule_id = $5 AND i.id >= $1 AND i.id < $2
ORDER BY i.workspace_id DESC, i.schedule_id DESC, i.id DESC
LIMIT $3
