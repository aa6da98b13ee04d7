-- No row: the id is taken, or there are $7 already.
INSERT INTO crier.alert_endpoint (id, workspace_id, url, kinds, sealed, created_at)
SELECT $1, $2, $3, $4, $5, $6
WHERE (SELECT count(*) FROM crier.alert_endpoint e WHERE e.workspace_id = $2 OR ($2 IS NULL AND e.workspace_id IS NULL)) < $7
ON CONFLICT (id) DO NOTHING
RETURNING id
