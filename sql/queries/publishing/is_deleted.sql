-- Whether the post of a job's target was deleted.
SELECT p.deleted_at IS NOT NULL
FROM crier.post_target t
JOIN crier.post p ON p.workspace_id = t.workspace_id AND p.id = t.post_id
WHERE t.job_id = $1
