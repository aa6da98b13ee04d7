-- Posts of a workspace that have slots in a span, each at the first of them, the first ones first. A post has at most a hundred
-- accounts, so that enough slots are looked at for a thousand posts. Compared and ordered as in jobs_of_workspaces.sql.
SELECT s.post_id, min(s.at)
FROM (
    SELECT t.post_id, t.at
    FROM crier.slot_booking t
    WHERE t.workspace_id >= $1 AND t.workspace_id <= $1
      AND (t.workspace_id, t.at) >= ($1, $2) AND (t.workspace_id, t.at) < ($1, $3)
    ORDER BY t.workspace_id, t.at
    LIMIT 100 * $4::bigint
) s
GROUP BY s.post_id
ORDER BY 2
LIMIT $4
