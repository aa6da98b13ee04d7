-- A paused account stays paused: it asks for a login once somebody resumes it.
UPDATE crier.social_account SET status = 'reauth_required', updated_at = $3
WHERE workspace_id = $1 AND id = $2 AND status = 'active'
