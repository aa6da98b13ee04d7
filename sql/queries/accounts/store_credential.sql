-- Compare and swap on the generation: whoever comes second stores nothing.
INSERT INTO crier.credential AS c (workspace_id, account_id, user_id, generation, sealed, expires_at,
                                   refresh_expires_at, created_at, updated_at, platform, refresh_at)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10
WHERE EXISTS (SELECT 1 FROM crier.credential WHERE workspace_id = $1 AND account_id = $2)
   OR EXISTS (SELECT 1 FROM crier.social_account a WHERE a.workspace_id = $1 AND a.id = $2 AND a.past_generation = $4 - 1)
ON CONFLICT (workspace_id, account_id) DO UPDATE
    SET user_id = coalesce(excluded.user_id, c.user_id), generation = excluded.generation, sealed = excluded.sealed,
        expires_at = excluded.expires_at, refresh_expires_at = excluded.refresh_expires_at,
        refresh_leased_until = NULL, updated_at = excluded.updated_at, refresh_at = excluded.refresh_at,
        refresh_began_at = NULL, refresh_unclear_since = NULL, refresh_failures = 0, refresh_error = NULL
    WHERE c.generation = excluded.generation - 1
RETURNING to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
