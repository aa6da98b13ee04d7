-- The same of some workspaces. See pages/jobs_of_workspaces.sql.
SELECT f.id, f.workspace_id
FROM unnest($5::uuid[]) AS w (id)
CROSS JOIN LATERAL (
    SELECT e.id, e.workspace_id
    FROM crier.webhook_event e
    WHERE e.workspace_id >= w.id AND e.workspace_id <= w.id
      AND (e.workspace_id, e.id) >= (w.id, crier.first_id($1))
      AND (e.workspace_id, e.id) < (w.id, coalesce(crier.first_id($2), 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
      AND ($3::text IS NULL OR e.platform = $3)
    ORDER BY e.workspace_id, e.id
    LIMIT $4
) f
ORDER BY f.id
LIMIT $4
