-- A target that something is to be done with, and its account. Where the platform has not told the post's id, the key stands
-- in for it, which names no post.
SELECT t.workspace_id, t.account_id, t.platform, a.status, t.state,
       CASE WHEN t.external_id IS DISTINCT FROM t.platform_key THEN t.external_id END, t.deleted_at IS NOT NULL
FROM crier.post_target t
JOIN crier.social_account a ON a.workspace_id = t.workspace_id AND a.id = t.account_id
WHERE t.id = $1 AND ($2::uuid[] IS NULL OR t.workspace_id = ANY ($2))
