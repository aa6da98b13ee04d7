-- The endpoint that an alert goes to, as its job names it.
SELECT (j.params ->> 'endpoint_id')::uuid FROM crier.job j
WHERE j.id = $1 AND j.params ->> 'endpoint_id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
