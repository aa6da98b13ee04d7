-- What is too large is not kept.
UPDATE crier.idempotency_key SET rows = $3
WHERE user_id = $1 AND key = $2 AND rows IS NULL AND octet_length($3::jsonb::text) <= $4
