-- An account about which somebody decides. UPDATE: whoever has planned something with it and not committed is waited for.
SELECT status, platform, handle FROM crier.social_account
WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL
FOR UPDATE
