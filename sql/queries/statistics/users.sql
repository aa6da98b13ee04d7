-- What users have published in a workspace, as it was worked out last.
SELECT s.user_id, s.posts, s.drafts, s.scheduled, s.published, s.failed, s.unconfirmed, s.canceled, s.last_post_at, r.refreshed_at
FROM crier.user_statistic s
JOIN crier.user_statistic_refresh r ON r.workspace_id = s.workspace_id
WHERE s.workspace_id = $1 AND ($2::uuid IS NULL OR s.user_id = $2)
ORDER BY s.user_id
LIMIT 1000
