-- Jobs of a finished day that contain params and pass the other filters, the newest first.
SELECT j.id
FROM crier.job j
LEFT JOIN crier.job_outcome o ON o.id = j.id AND o.id >= $1 AND o.id < $2
WHERE j.id >= $1 AND j.id < $2 AND j.params @> $5
  AND ($6::jsonb IS NULL OR o.result @> $6)
  AND ($4::uuid[] IS NULL OR j.workspace_id = ANY ($4))
  AND ($7::uuid IS NULL OR j.user_id = $7)
  AND ($8::text IS NULL OR j.kind = $8)
ORDER BY j.id DESC
LIMIT $3
