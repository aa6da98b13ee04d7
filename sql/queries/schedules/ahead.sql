-- Occurrences after $3 whose posts are there already, the last one first; whether somebody has changed that post.
SELECT o.occurs_at, p.id, p.updated_at IS NOT NULL
FROM crier.schedule_occurrence o
JOIN crier.post p ON p.workspace_id = o.workspace_id AND p.id = o.post_id AND p.deleted_at IS NULL
WHERE o.workspace_id = $1 AND o.schedule_id = $2 AND o.occurs_at > $3
ORDER BY o.occurs_at DESC
