-- How jobs ended. A second outcome of the same job is refused by the key.
INSERT INTO crier.job_outcome (id, workspace_id, state, run_at, attempt, lost_leases, token, result, error, finished_at)
SELECT o.id, o.workspace_id, o.state, o.run_at, o.attempt, o.lost_leases, o.token, o.result,
       CASE WHEN o.state = 'completed' THEN NULL
            -- the queue's own reason does not hide what went wrong before
            WHEN o.error ->> 'class' IN ('expired', 'lease_lost') THEN coalesce(
                (SELECT o.error || jsonb_build_object('previous', r.error)
                 FROM (SELECT r.error FROM crier.job_retry r WHERE r.id = o.id ORDER BY r.retried_at DESC LIMIT 1) r
                 WHERE r.error IS NOT NULL),
                o.error)
            ELSE coalesce(o.error, (SELECT r.error FROM crier.job_retry r WHERE r.id = o.id ORDER BY r.retried_at DESC LIMIT 1))
       END,
       $10
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::int[], $6::int[], $7::bigint[], $8::jsonb[], $9::jsonb[])
     AS o (id, workspace_id, state, run_at, attempt, lost_leases, token, result, error)
