UPDATE crier.social_account SET status = 'reauth_required', updated_at = $3 WHERE workspace_id = $1 AND id = $2
