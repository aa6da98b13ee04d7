-- Log lines of a finished day with words in them that pass the other filters, the newest first.
SELECT l.id
FROM crier.job_log l
WHERE l.id >= $1 AND l.id < $2 AND to_tsvector('simple', l.message) @@ websearch_to_tsquery('simple', $5)
  AND ($6::jsonb IS NULL OR l.metadata @> $6)
  AND ($4::uuid[] IS NULL OR l.workspace_id = ANY ($4))
  AND ($7::text[] IS NULL OR l.level = ANY ($7))
ORDER BY l.id DESC
LIMIT $3
