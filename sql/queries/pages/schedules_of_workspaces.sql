-- Schedules of some workspaces, the newest first. See jobs_of_workspaces.sql.
SELECT f.id
FROM unnest($4::uuid[]) AS w (id)
CROSS JOIN LATERAL (
    SELECT t.id
    FROM crier.schedule t
    WHERE t.workspace_id >= w.id AND t.workspace_id <= w.id
      AND (t.workspace_id, t.id) >= (w.id, $1) AND (t.workspace_id, t.id) < (w.id, $2)
    ORDER BY t.workspace_id DESC, t.id DESC
    LIMIT $3
) f
ORDER BY f.id DESC
LIMIT $3
