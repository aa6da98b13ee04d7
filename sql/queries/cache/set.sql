-- Keeps a value.
INSERT INTO crier.response_cache (scope, owner_id, key, value, expires_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (scope, owner_id, key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at, made_until = NULL
