-- Moves finished jobs (locked by the caller) to the history.
WITH gone AS (
    DELETE FROM crier.job j
    USING unnest($1::uuid[], $2::text[], $3::jsonb[], $4::jsonb[]) AS o (id, state, result, error)
    WHERE j.id = o.id
    RETURNING j.*, o.state AS final_state, o.result AS final_result, o.error AS final_error
)
INSERT INTO crier.job_history (id, workspace_id, user_id, account_id, platform, kind, params, priority, state, run_at,
                               expires_at, dedupe_key, attempt, max_attempts, lost_leases, worker, progress, result,
                               error, created_at, finished_at)
SELECT id, workspace_id, user_id, account_id, platform, kind, params, priority, final_state, run_at, expires_at,
       dedupe_key, attempt, max_attempts, lost_leases, worker, progress, final_result,
       CASE WHEN final_state = 'completed' THEN NULL
            -- the queue's own reason does not hide what went wrong before
            WHEN final_error ->> 'class' IN ('expired', 'lease_lost') AND error IS NOT NULL
                THEN final_error || jsonb_build_object('previous', error)
            ELSE coalesce(final_error, error)
       END,
       created_at, $5
FROM gone
