-- The received webhook that a job processes, as the job names it.
SELECT (j.params ->> 'webhook_id')::uuid FROM crier.job j
WHERE j.id = $1 AND j.params ->> 'webhook_id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
