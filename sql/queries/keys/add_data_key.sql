-- Nothing where the workspace has an active key already.
INSERT INTO crier.data_key (id, workspace_id, key_id, wrapped, created_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING
RETURNING id
