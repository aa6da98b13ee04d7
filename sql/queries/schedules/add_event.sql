INSERT INTO crier.event (workspace_id, id, kind, payload, created_at)
VALUES ($1, $2, $3, $4, $5)
