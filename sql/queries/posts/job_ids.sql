SELECT job_id FROM crier.post_target WHERE workspace_id = $1 AND post_id = $2 AND job_id IS NOT NULL
