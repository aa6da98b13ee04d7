-- A paused account stays paused: it asks for a login once somebody resumes it.
UPDATE crier.social_account
SET status = CASE WHEN status = 'active' THEN 'reauth_required' ELSE status END, status_reason = $4, updated_at = $3
WHERE workspace_id = $1 AND id = $2 AND status IN ('active', 'paused', 'reauth_required')
