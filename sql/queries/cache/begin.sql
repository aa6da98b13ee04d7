-- Asks to be the one who makes a value that is not fresh. A row: it is the caller.
INSERT INTO crier.response_cache AS c (scope, owner_id, key, expires_at, made_until)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (scope, owner_id, key) DO UPDATE SET made_until = excluded.made_until
WHERE c.expires_at <= $4 AND (c.made_until IS NULL OR c.made_until <= $4)
RETURNING 1
