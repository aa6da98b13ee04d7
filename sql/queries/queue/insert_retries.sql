-- Jobs that go back to the queue.
INSERT INTO crier.job_retry (id, retried_at, workspace_id, run_at, attempt, lost_leases, error, parked_for)
SELECT i.id, i.retried_at, i.workspace_id, i.run_at, i.attempt, i.lost_leases, i.error, i.parked_for
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::int[], $5::int[], $6::jsonb[], $7::uuid[], $8::timestamptz[])
     AS i (id, workspace_id, run_at, attempt, lost_leases, error, parked_for, retried_at)
