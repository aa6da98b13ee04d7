-- Targets that are due by $1 and have no job yet, locked, the first ones first. What others have locked they give jobs to, or
-- plan anew: a post that is locked is being changed. LIMIT beside the lock: a row that was locked when it was looked at is passed over, and does not count.
SELECT t.workspace_id, t.id, t.post_id, t.account_id, t.is_comment, p.author_id, p.priority, t.due_at
FROM crier.post_target t
JOIN crier.post p ON p.workspace_id = t.workspace_id AND p.id = t.post_id
JOIN crier.workspace w ON w.id = t.workspace_id AND w.deleted_at IS NULL
WHERE t.job_id IS NULL AND t.state = 'scheduled' AND t.due_at <= $1
ORDER BY t.due_at
LIMIT $2
FOR UPDATE OF t SKIP LOCKED
FOR SHARE OF p SKIP LOCKED
