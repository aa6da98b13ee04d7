-- No row: the id is taken.
INSERT INTO crier.alert_endpoint (id, workspace_id, url, kinds, sealed, created_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (id) DO NOTHING
RETURNING id
