SELECT c.workspace_id, c.generation, c.sealed, c.expires_at, c.refresh_leased_until, a.status,
       extract(epoch FROM $2 - coalesce(c.refresh_unclear_since,
                                        CASE WHEN c.refresh_leased_until IS NULL OR c.refresh_leased_until <= $2
                                             THEN c.refresh_began_at END))::double precision
FROM crier.credential c
JOIN crier.social_account a ON a.workspace_id = c.workspace_id AND a.id = c.account_id
WHERE c.account_id = $1
