INSERT INTO crier.limit_use (recorded_at, account_ids, actions, counts) VALUES ($1, $2, $3, $4)
