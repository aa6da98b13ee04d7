UPDATE crier.social_account a
SET status = CASE WHEN a.status_reason IS NOT NULL THEN 'reauth_required'
                  WHEN EXISTS (SELECT FROM crier.credential c WHERE c.workspace_id = a.workspace_id AND c.account_id = a.id)
                  THEN 'active' ELSE 'disconnected' END,
    updated_at = $3
WHERE a.workspace_id = $1 AND a.id = $2
