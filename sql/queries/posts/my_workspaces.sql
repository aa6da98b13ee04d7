SELECT coalesce(array_agg(workspace_id), '{}')
FROM crier.workspace_member
WHERE user_id = $1 AND ($2::text[] IS NULL OR role = ANY ($2))
