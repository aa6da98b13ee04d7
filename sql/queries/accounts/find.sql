-- The workspace of an account, if it is one of these; any, where none are given.
SELECT workspace_id FROM crier.social_account
WHERE id = $1 AND deleted_at IS NULL AND ($2::uuid[] IS NULL OR workspace_id = ANY ($2))
