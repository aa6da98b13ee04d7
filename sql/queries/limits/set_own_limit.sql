INSERT INTO crier.account_limit (workspace_id, account_id, action, per, max, by_operator, set_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (workspace_id, account_id, action, per)
    DO UPDATE SET max = excluded.max, by_operator = excluded.by_operator, set_at = excluded.set_at
