-- How many items a schedule has; at most $3 + 1 are counted.
SELECT count(*) FROM (SELECT FROM crier.schedule_item WHERE workspace_id = $1 AND schedule_id = $2 LIMIT $3 + 1) AS i
