-- Deletes dead jobs. An end that the statistics have not summed up yet stays known to them.
WITH dead AS (
    DELETE FROM crier.job_outcome o
    WHERE o.id = ANY ($1::uuid[]) AND o.state = 'failed'
      AND NOT EXISTS (SELECT 1 FROM crier.post_target t WHERE t.job_id = o.id)
      AND NOT EXISTS (SELECT 1 FROM crier.account_action a WHERE a.job_id = o.id)
    RETURNING o.id, o.run_at, o.attempt, o.token, o.finished_at
), retries AS (
    DELETE FROM crier.job_retry WHERE id IN (SELECT id FROM dead)
), progress AS (
    DELETE FROM crier.job_progress WHERE id IN (SELECT id FROM dead)
), undone AS (
    INSERT INTO crier.job_undone (id, kind, platform, run_at, attempt, token, finished_at)
    SELECT d.id, j.kind, j.platform, d.run_at, d.attempt, d.token, d.finished_at
    FROM dead d
    CROSS JOIN LATERAL (SELECT b.kind, b.platform FROM crier.job b WHERE b.id = d.id LIMIT 1) j
    WHERE d.finished_at >= (SELECT closed_until FROM crier.stat_state)
)
DELETE FROM crier.job WHERE id IN (SELECT id FROM dead) RETURNING id, workspace_id
