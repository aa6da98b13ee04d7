-- The jobs among those named that belong to the workspaces.
SELECT j.id FROM unnest($1::uuid[]) AS i (id) JOIN crier.job j ON j.id = i.id WHERE j.workspace_id = ANY ($2::uuid[])
