-- Nothing of what is sealed, and of an error its class alone: its words are the platform's.
SELECT c.account_id, c.expires_at, c.refresh_expires_at, c.updated_at, c.refresh_at, c.refresh_failures, c.refresh_error ->> 'class',
       (c.refresh_error ->> 'at')::timestamptz
FROM crier.credential c
WHERE c.account_id = ANY ($1) AND ($2::uuid[] IS NULL OR c.workspace_id = ANY ($2))
ORDER BY c.account_id
