-- How many unfinished jobs of a kind a user has: each holds a key.
SELECT count(*)
FROM crier.job_key k
WHERE k.workspace_id = $1 AND k.kind = $2
  AND NOT EXISTS (SELECT 1 FROM crier.job_outcome o WHERE o.id = k.job_id)
