-- Waits for whoever is at the same request; no row: it was carried out.
INSERT INTO crier.idempotency_key (user_id, key, request, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (user_id, key) DO NOTHING
RETURNING user_id
