-- One that needs a new login asks for it once it is resumed.
UPDATE crier.social_account
SET status = 'paused', updated_at = $3,
    status_reason = CASE WHEN status = 'reauth_required' THEN coalesce(status_reason, 'its login has ended') END
WHERE workspace_id = $1 AND id = $2
