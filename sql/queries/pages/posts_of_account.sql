-- Posts for an account, the newest first, and of its workspace those that have no targets yet, for whatever accounts they are: whoever
-- asks looks which. Compared and ordered as in jobs_of_workspaces.sql.
SELECT f.id
FROM (SELECT a.workspace_id AS id FROM crier.social_account a WHERE a.id = $4 AND ($5::uuid[] IS NULL OR a.workspace_id = ANY ($5))) w
CROSS JOIN LATERAL (
    (SELECT t.post_id AS id
     FROM crier.post_target t
     WHERE t.workspace_id >= w.id AND t.workspace_id <= w.id AND t.account_id >= $4 AND t.account_id <= $4
       AND (t.workspace_id, t.account_id, t.post_id) >= (w.id, $4, $1)
       AND (t.workspace_id, t.account_id, t.post_id) < (w.id, $4, $2)
       AND t.part = 0
     ORDER BY t.workspace_id DESC, t.account_id DESC, t.post_id DESC
     LIMIT $3)
    UNION
    (SELECT p.id
     FROM crier.post p
     WHERE p.workspace_id >= w.id AND p.workspace_id <= w.id
       AND (p.workspace_id, p.id) >= (w.id, $1) AND (p.workspace_id, p.id) < (w.id, $2)
       AND p.stage <> 'scheduled' AND p.deleted_at IS NULL
     ORDER BY p.workspace_id DESC, p.id DESC
     LIMIT $3)
) f
ORDER BY f.id DESC
LIMIT $3
