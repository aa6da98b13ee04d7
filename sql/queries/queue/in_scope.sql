-- The jobs among those named that belong to the workspaces; those of kinds $3 to the workspaces $4. LIMIT: see jobs_items.sql.
SELECT j.id
FROM unnest($1::uuid[]) AS i (id)
CROSS JOIN LATERAL (SELECT q.id, q.workspace_id, q.kind FROM crier.job q WHERE q.id = i.id LIMIT 1) j
WHERE j.workspace_id = ANY (CASE WHEN j.kind = ANY ($3::text[]) THEN $4::uuid[] ELSE $2::uuid[] END)
