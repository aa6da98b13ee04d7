-- Posts of some workspaces with a tag, the newest first. Compared and ordered as in jobs_of_workspaces.sql.
SELECT f.id
FROM unnest($4::uuid[]) AS w (id)
CROSS JOIN LATERAL (
    SELECT t.post_id AS id
    FROM crier.post_tag t
    WHERE t.workspace_id >= w.id AND t.workspace_id <= w.id AND t.tag >= $5 AND t.tag <= $5
      AND (t.workspace_id, t.tag, t.post_id) >= (w.id, $5, $1) AND (t.workspace_id, t.tag, t.post_id) < (w.id, $5, $2)
    ORDER BY t.workspace_id DESC, t.tag DESC, t.post_id DESC
    LIMIT $3
) f
ORDER BY f.id DESC
LIMIT $3
