-- The publish job of a worker, locked while its lease is the current one.
SELECT attempt
FROM crier.job
WHERE id = $1 AND token = $2 AND state = 'running' AND kind = 'publish_post'
FOR UPDATE
