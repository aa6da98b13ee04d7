-- How many requests of this kind a user may make in a minute; what is not listed is general.
SELECT per_minute FROM crier.request_limit WHERE endpoint IN ($1, 'general') ORDER BY endpoint = $1 DESC LIMIT 1
