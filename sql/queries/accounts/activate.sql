UPDATE crier.social_account
SET status = CASE WHEN status = 'paused' THEN status ELSE 'active' END, status_reason = NULL, updated_at = $3
WHERE workspace_id = $1 AND id = $2 AND (status IN ('disconnected', 'reauth_required') OR status_reason IS NOT NULL)
