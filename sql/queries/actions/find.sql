SELECT workspace_id, job_id, state FROM crier.account_action
WHERE id = $1 AND ($2::uuid[] IS NULL OR workspace_id = ANY ($2))
