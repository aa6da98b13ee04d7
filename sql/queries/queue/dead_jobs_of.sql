-- The dead letters of workspaces, the newest first, from below an id on. Each workspace's are read on their own, however
-- many others there are.
SELECT j.id, j.workspace_id, j.user_id, j.account_id, j.platform, j.kind, j.params, o.attempt, o.error, j.created_at,
       o.finished_at
FROM (SELECT DISTINCT w.id FROM unnest($5::uuid[]) AS w (id)) w
CROSS JOIN LATERAL (
    SELECT d.id, d.attempt, d.error, d.finished_at
    FROM crier.job_outcome d
    CROSS JOIN LATERAL (SELECT q.kind FROM crier.job q WHERE q.id = d.id LIMIT 1) k
    WHERE d.workspace_id = w.id AND d.state = 'failed' AND d.id < coalesce($4, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
      AND ($1::text[] IS NULL OR k.kind = ANY ($1))
      AND ($2::text[] IS NULL OR d.error ->> 'class' = ANY ($2))
    ORDER BY d.id DESC
    LIMIT $3
) o
CROSS JOIN LATERAL (SELECT * FROM crier.job q WHERE q.id = o.id LIMIT 1) j
ORDER BY o.id DESC
LIMIT $3
