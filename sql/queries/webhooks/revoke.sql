-- An account whose grant its owner took back asks for a new login, unless its credential was stored after that: then it was
-- connected again meanwhile, or the platform has renewed it since. A paused account stays paused.
UPDATE crier.social_account a SET status = 'reauth_required', status_reason = $5, updated_at = $4
WHERE a.workspace_id = $1 AND a.id = $2 AND a.status = 'active'
  AND NOT EXISTS (SELECT FROM crier.credential c
                  WHERE c.workspace_id = a.workspace_id AND c.account_id = a.id AND c.updated_at > $3)
RETURNING true
