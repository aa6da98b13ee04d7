-- Nothing was sent under this lease; what became of those before stays as unclear as it was.
UPDATE crier.credential
SET refresh_leased_until = NULL, refresh_began_at = NULL, refresh_at = $4
WHERE account_id = $1 AND generation = $2 AND refresh_token_no = $3 AND refresh_leased_until IS NOT NULL
RETURNING account_id
