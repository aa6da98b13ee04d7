-- The newest result of the same work. jsonb compares by value, as the key of find_or_create_job does; equal values have
-- equal hashes.
SELECT o.id, o.result, o.finished_at
FROM crier.job j
JOIN crier.job_outcome o ON o.id = j.id
WHERE j.user_id = $1 AND jsonb_hash(j.params) = jsonb_hash($3) AND j.kind = $2 AND j.params = $3
  AND o.state = 'completed' AND o.finished_at > $4
  AND ($5::uuid[] IS NULL OR j.workspace_id = ANY ($5))
ORDER BY o.finished_at DESC
LIMIT 1
