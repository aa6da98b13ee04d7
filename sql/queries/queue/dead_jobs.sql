SELECT j.id, j.workspace_id, j.user_id, j.account_id, j.platform, j.kind, j.params, o.attempt, o.error, j.created_at,
       o.finished_at
FROM crier.job_outcome o
JOIN crier.job j ON j.id = o.id
WHERE o.state = 'failed'
  AND ($4::uuid IS NULL OR o.id < $4)
  AND ($5::uuid[] IS NULL OR o.workspace_id = ANY ($5))
  AND ($1::text[] IS NULL OR j.kind = ANY ($1))
  AND ($2::text[] IS NULL OR o.error ->> 'class' = ANY ($2))
ORDER BY o.id DESC
LIMIT $3
