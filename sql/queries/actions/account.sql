-- An account that is to do something, if it belongs to one of the workspaces; to any, where none are given.
SELECT workspace_id, platform, status FROM crier.social_account
WHERE id = $1 AND deleted_at IS NULL AND ($2::uuid[] IS NULL OR workspace_id = ANY ($2))
