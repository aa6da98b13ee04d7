INSERT INTO crier.event (workspace_id, id, kind, account_id, payload, created_at) VALUES ($1, $2, $3, $4, $5, $6)
