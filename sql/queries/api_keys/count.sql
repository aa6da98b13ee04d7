SELECT count(*) FROM crier.api_key WHERE workspace_id = $1 AND revoked_at IS NULL AND coalesce(expires_at > $2, true)
