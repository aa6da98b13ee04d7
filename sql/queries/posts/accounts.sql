SELECT id, platform, handle, status
FROM crier.social_account
WHERE workspace_id = $1 AND id = ANY ($2::uuid[])
