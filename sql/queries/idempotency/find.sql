SELECT request = $3, rows FROM crier.idempotency_key WHERE user_id = $1 AND key = $2
