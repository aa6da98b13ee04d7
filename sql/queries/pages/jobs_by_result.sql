-- Jobs of a finished day whose result contains something and that pass the other filters, the newest first.
SELECT o.id
FROM crier.job_outcome o
JOIN crier.job j ON j.id = o.id AND j.id >= $1 AND j.id < $2
WHERE o.id >= $1 AND o.id < $2 AND o.result IS NOT NULL AND o.result @> $5
  AND ($4::uuid[] IS NULL OR o.workspace_id = ANY ($4))
  AND ($6::uuid IS NULL OR j.user_id = $6)
  AND ($7::text IS NULL OR j.kind = $7)
ORDER BY o.id DESC
LIMIT $3
