-- Jobs of some workspaces, the newest first.
-- One equality and a bound of the id would say the same, and then the planner may go through everybody's rows in the
-- order of ids, looking for those of a workspace that has none. So workspace and id are compared and ordered together,
-- which only the index on both can do; it also begins where the page does. The first two comparisons tell the planner
-- that the rows are few.
SELECT f.id
FROM unnest($4::uuid[]) AS w (id)
CROSS JOIN LATERAL (
    SELECT t.id
    FROM crier.job t
    WHERE t.workspace_id >= w.id AND t.workspace_id <= w.id
      AND (t.workspace_id, t.id) >= (w.id, $1) AND (t.workspace_id, t.id) < (w.id, $2)
    ORDER BY t.workspace_id DESC, t.id DESC
    LIMIT $3
) f
ORDER BY f.id DESC
LIMIT $3
