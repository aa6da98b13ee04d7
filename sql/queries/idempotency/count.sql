-- How many a user has, up to $2.
SELECT count(*) FROM (SELECT FROM crier.idempotency_key k WHERE k.user_id = $1 LIMIT $2) kept
