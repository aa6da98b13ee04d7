-- The unfinished jobs between two ids, up to a number.
SELECT j.id
FROM crier.job j
WHERE j.id >= $1 AND j.id < $2
  AND NOT EXISTS (SELECT 1 FROM crier.job_outcome o WHERE o.id = j.id AND o.id >= $1 AND o.id < $2)
ORDER BY j.id
LIMIT $3
