UPDATE crier.social_account SET status = 'active', updated_at = $3
WHERE workspace_id = $1 AND id = $2 AND status IN ('disconnected', 'reauth_required')
