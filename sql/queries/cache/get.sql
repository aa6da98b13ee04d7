-- What is cached under a key, and whether it is fresh still.
SELECT c.value, c.expires_at > $4
FROM crier.response_cache c
WHERE c.scope = $1 AND c.owner_id = $2 AND c.key = $3 AND c.value IS NOT NULL
