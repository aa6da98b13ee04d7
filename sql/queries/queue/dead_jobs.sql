-- The dead letters, the newest first, from below an id on.
SELECT j.id, j.workspace_id, j.user_id, j.account_id, j.platform, j.kind, j.params, o.attempt, o.error, j.created_at,
       o.finished_at
FROM crier.job_outcome o
CROSS JOIN LATERAL (SELECT * FROM crier.job q WHERE q.id = o.id LIMIT 1) j
WHERE o.state = 'failed' AND o.id < coalesce($4, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
  AND ($1::text[] IS NULL OR j.kind = ANY ($1))
  AND ($2::text[] IS NULL OR o.error ->> 'class' = ANY ($2))
ORDER BY o.id DESC
LIMIT $3
