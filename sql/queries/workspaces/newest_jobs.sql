-- The newest jobs of a workspace that have not ended. A history that has ended is not walked through.
SELECT j.id
FROM (SELECT q.id FROM crier.job q WHERE q.workspace_id = $1 ORDER BY q.id DESC LIMIT $2) j
WHERE NOT EXISTS (SELECT 1 FROM crier.job_outcome o WHERE o.id = j.id OFFSET 0)
