-- An account, if it belongs to one of the workspaces; to any, where none are given.
SELECT workspace_id, platform, coalesce(lower(substring(base_url FROM '^https?://([^/?#]+)')), '')
FROM crier.social_account
WHERE id = $1 AND ($2::uuid[] IS NULL OR workspace_id = ANY ($2::uuid[]))
