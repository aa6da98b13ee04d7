UPDATE crier.credential SET refresh_leased_until = $4, refresh_token_no = refresh_token_no + 1
WHERE account_id = $1 AND generation = $2 AND (refresh_leased_until IS NULL OR refresh_leased_until <= $3)
RETURNING refresh_token_no
