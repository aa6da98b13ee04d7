SELECT jsonb_build_object(
           'id', a.id, 'workspace_id', a.workspace_id, 'account_id', a.account_id, 'platform', a.platform, 'handle', s.handle,
           'kind', a.kind, 'subject', a.subject, 'text', a.text, 'target_id', a.target_id, 'user_id', a.user_id,
           'job_id', a.job_id, 'state', a.state, 'attempts', a.attempts, 'run_at', a.run_at, 'started_at', a.started_at,
           'external_id', a.external_id, 'url', a.url, 'error', a.error, 'created_at', a.created_at,
           'finished_at', a.finished_at)
FROM crier.account_action a
JOIN crier.social_account s ON s.workspace_id = a.workspace_id AND s.id = a.account_id
WHERE a.id = $1 AND ($2::uuid[] IS NULL OR a.workspace_id = ANY ($2))
