-- Whose jobs these are. LIMIT: see jobs_items.sql.
SELECT j.workspace_id, j.id
FROM unnest($1::uuid[]) AS i (id)
CROSS JOIN LATERAL (SELECT q.id, q.workspace_id FROM crier.job q WHERE q.id = i.id LIMIT 1) j
WHERE j.workspace_id IS NOT NULL
