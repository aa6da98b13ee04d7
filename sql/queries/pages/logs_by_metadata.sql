-- Log lines of a finished day whose metadata contains something and that pass the other filters, the newest first.
SELECT l.id
FROM crier.job_log l
WHERE l.id >= $1 AND l.id < $2 AND l.metadata @> $5
  AND ($4::uuid[] IS NULL OR l.workspace_id = ANY ($4))
  AND ($6::text[] IS NULL OR l.level = ANY ($6))
ORDER BY l.id DESC
LIMIT $3
