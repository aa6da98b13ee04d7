-- An account, if it belongs to one of the workspaces; to any, where none are given.
SELECT workspace_id, platform, coalesce(regexp_replace(lower(substring(base_url FROM '^https?://(?:[^@/?#]*@)?([^/?#]+)')), '\.?(:443|:80)?$', ''), '')
FROM crier.social_account
WHERE id = $1 AND deleted_at IS NULL AND ($2::uuid[] IS NULL OR workspace_id = ANY ($2::uuid[]))
