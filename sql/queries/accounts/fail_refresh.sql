UPDATE crier.credential SET refresh_leased_until = NULL WHERE account_id = $1 AND generation = $2
RETURNING workspace_id
