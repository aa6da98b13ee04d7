-- How jobs ended that were not done. A second outcome of the same job is refused by the key.
INSERT INTO crier.job_outcome (id, workspace_id, state, run_at, attempt, lost_leases, token, error, finished_at)
SELECT o.id, o.workspace_id, o.state, o.run_at, o.attempt, o.lost_leases, o.token,
       CASE WHEN r.error IS NULL THEN o.error
            -- the queue's own reason does not hide what went wrong before
            WHEN o.error ->> 'class' IN ('expired', 'lease_lost') THEN o.error || jsonb_build_object('previous', r.error)
            ELSE coalesce(o.error, r.error)
       END,
       $9
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::int[], $6::int[], $7::bigint[], $8::jsonb[])
     AS o (id, workspace_id, state, run_at, attempt, lost_leases, token, error)
LEFT JOIN LATERAL (
    SELECT q.error FROM crier.job_retry q WHERE q.id = o.id ORDER BY q.retried_at DESC LIMIT 1
) r ON true
