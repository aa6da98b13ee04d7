-- Jobs first, targets second: the order in which everything that touches both locks them.
SELECT j.id
FROM crier.post_target t
JOIN crier.job j ON j.id = t.job_id
WHERE t.workspace_id = $1 AND t.post_id = $2
ORDER BY j.id
FOR UPDATE OF j
