WITH due AS (
    SELECT id
    FROM crier.job
    WHERE state IN ('pending', 'retrying')
      AND run_at <= $1
      AND (expires_at IS NULL OR expires_at > $1)
      AND ($5::text[] IS NULL OR kind = ANY ($5))
      AND ($6::text[] IS NULL OR platform = ANY ($6))
      AND ($7::uuid[] IS NULL OR workspace_id = ANY ($7))
    ORDER BY priority DESC, run_at, id
    LIMIT $4
    FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE crier.job j
    SET state = 'running', attempt = j.attempt + 1, token = j.token + 1, worker = $2, lease_expires_at = $3
    FROM due
    WHERE j.id = due.id
    RETURNING j.*
)
SELECT id, token, attempt, kind, params, workspace_id, user_id, account_id, run_at, lease_expires_at
FROM claimed
ORDER BY priority DESC, run_at, id
