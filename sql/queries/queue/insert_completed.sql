-- Jobs that were done. A second outcome of the same job is refused by the key.
INSERT INTO crier.job_outcome (id, workspace_id, state, run_at, attempt, lost_leases, token, result, finished_at)
SELECT o.id, o.workspace_id, 'completed', o.run_at, o.attempt, o.lost_leases, o.token, o.result, $8
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::int[], $5::int[], $6::bigint[], $7::jsonb[])
     AS o (id, workspace_id, run_at, attempt, lost_leases, token, result)
