INSERT INTO crier.account_limit (workspace_id, account_id, action, per, max, set_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (workspace_id, account_id, action, per) DO UPDATE SET max = excluded.max, set_at = excluded.set_at
