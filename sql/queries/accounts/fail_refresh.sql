UPDATE crier.credential SET refresh_leased_until = NULL
WHERE account_id = $1 AND generation = $2 AND refresh_token_no = $3 AND refresh_leased_until IS NOT NULL
RETURNING workspace_id
