SELECT id, kind
FROM crier.job
WHERE id = ANY ($1::uuid[]) AND ($2::uuid[] IS NULL OR workspace_id = ANY ($2))
ORDER BY id
FOR UPDATE
