SELECT c.workspace_id, c.generation, c.sealed, c.expires_at, c.refresh_leased_until, a.status
FROM crier.credential c
JOIN crier.social_account a ON a.workspace_id = c.workspace_id AND a.id = c.account_id
WHERE c.account_id = $1
