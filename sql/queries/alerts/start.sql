-- An alert's exact text, the same at every attempt, and where it goes. No row: its endpoint is gone, disabled, or another
-- tenant's.
SELECT e.workspace_id, e.url, e.sealed, j.params ->> 'type',
       json_build_object('type', j.params ->> 'type',
                         'timestamp', to_char(j.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                         'data', j.params -> 'data')::text
FROM crier.job j
JOIN crier.alert_endpoint e ON e.id = $2 AND e.workspace_id IS NOT DISTINCT FROM j.workspace_id
WHERE j.id = $1 AND e.enabled
