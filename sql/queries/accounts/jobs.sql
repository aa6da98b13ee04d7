-- The jobs of what an account is to publish and to do; and those that read figures for it, among the newest $3 of the workspace.
SELECT t.job_id FROM crier.post_target t
WHERE t.workspace_id = $1 AND t.account_id = $2 AND t.job_id IS NOT NULL
  AND t.state NOT IN ('published', 'failed', 'canceled', 'unconfirmed')
UNION ALL
SELECT a.job_id FROM crier.account_action a
WHERE a.workspace_id = $1 AND a.account_id = $2 AND a.finished_at IS NULL
UNION ALL
SELECT j.id
FROM (SELECT q.id, q.account_id, q.kind FROM crier.job q WHERE q.workspace_id = $1 ORDER BY q.id DESC LIMIT $3) j
WHERE j.account_id = $2 AND j.kind = 'read_metrics'
  AND NOT EXISTS (SELECT 1 FROM crier.job_outcome o WHERE o.id = j.id OFFSET 0)
