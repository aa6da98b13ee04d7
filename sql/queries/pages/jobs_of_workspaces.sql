-- Jobs of some workspaces, the newest first. The rows are compared and ordered by workspace and id
-- together: only the index on both has that order, and no planner prefers to look for one workspace's rows among all.
SELECT f.id
FROM unnest($4::uuid[]) AS w (id)
CROSS JOIN LATERAL (
    SELECT t.id
    FROM crier.job t
    WHERE (t.workspace_id, t.id) >= (w.id, $1) AND (t.workspace_id, t.id) < (w.id, $2) AND t.workspace_id IS NOT NULL
      AND t.id >= $1 AND t.id < $2
    ORDER BY t.workspace_id DESC, t.id DESC
    LIMIT $3
) f
ORDER BY f.id DESC
LIMIT $3
