-- Those of these jobs that failed. Few did: the index of those is asked, not the rows of all. LIMIT: see jobs_items.sql.
SELECT i.id
FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, place)
CROSS JOIN LATERAL (SELECT FROM crier.job_outcome o WHERE o.id = i.id AND o.state = 'failed' LIMIT 1) o
ORDER BY i.place
