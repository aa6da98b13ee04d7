-- The workspace of an endpoint, which may have none; $2: only within these.
SELECT workspace_id FROM crier.alert_endpoint WHERE id = $1 AND ($2::uuid[] IS NULL OR workspace_id = ANY ($2))
