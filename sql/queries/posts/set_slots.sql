INSERT INTO crier.account_slots (workspace_id, account_id, zone, slots, updated_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (workspace_id, account_id) DO UPDATE SET zone = excluded.zone, slots = excluded.slots, updated_at = excluded.updated_at
