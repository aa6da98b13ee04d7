SELECT id, account_id, job_id, state, was_unclear
FROM crier.post_target
WHERE workspace_id = $1 AND post_id = $2
ORDER BY id
FOR UPDATE
