-- A lease that ended without a word may have been used.
UPDATE crier.credential
SET refresh_leased_until = $4, refresh_token_no = refresh_token_no + 1,
    refresh_unclear_since = coalesce(refresh_unclear_since, refresh_began_at), refresh_began_at = $3
WHERE account_id = $1 AND generation = $2 AND (refresh_leased_until IS NULL OR refresh_leased_until <= $3)
RETURNING refresh_token_no
