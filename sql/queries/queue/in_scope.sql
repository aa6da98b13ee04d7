-- The jobs among those named that belong to the workspaces; those of kinds $3 to the workspaces $4.
SELECT j.id FROM unnest($1::uuid[]) AS i (id) JOIN crier.job j ON j.id = i.id
WHERE j.workspace_id = ANY (CASE WHEN j.kind = ANY ($3::text[]) THEN $4::uuid[] ELSE $2::uuid[] END)
