-- What a worker needs to do what an account is to do.
WITH started AS (
    UPDATE crier.account_action SET state = 'running', attempts = $2, started_at = $3, updated_at = $3
    WHERE job_id = $1 AND state IN ('waiting', 'running')
    RETURNING *
)
SELECT s.id, s.workspace_id, s.kind, s.subject, s.text, s.account_id, s.platform, a.external_id, a.handle, a.base_url, a.status
FROM started s
JOIN crier.social_account a ON a.workspace_id = s.workspace_id AND a.id = s.account_id
