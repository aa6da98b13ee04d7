-- How many endpoints a workspace has, or without one the operator.
SELECT count(*) FROM crier.alert_endpoint e WHERE e.workspace_id = $1 OR ($1 IS NULL AND e.workspace_id IS NULL)
