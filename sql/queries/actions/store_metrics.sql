-- The newest figures of the post that a job has read.
INSERT INTO crier.post_metrics AS m (workspace_id, target_id, views, likes, replies, shares, read_at)
SELECT t.workspace_id, t.id, $2, $3, $4, $5, $6
FROM crier.job j
JOIN crier.post_target t ON t.workspace_id = j.workspace_id AND t.id = (j.params ->> 'target_id')::uuid
WHERE j.id = $1 AND j.params ->> 'target_id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
ON CONFLICT (workspace_id, target_id) DO UPDATE
SET views = excluded.views, likes = excluded.likes, replies = excluded.replies, shares = excluded.shares, read_at = excluded.read_at
WHERE m.read_at < excluded.read_at
