-- Jobs that go back to the queue. An earlier error stays where no new one is given.
WITH input AS MATERIALIZED (
    SELECT *
    FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::int[], $5::int[], $6::jsonb[], $7::uuid[], $8::timestamptz[])
         AS i (id, workspace_id, run_at, attempt, lost_leases, error, parked_for, retried_at)
), scheduled AS (
    INSERT INTO crier.job_scheduled (run_at, id) SELECT run_at, id FROM input WHERE run_at > $9
    ON CONFLICT (run_at, id) DO NOTHING
)
INSERT INTO crier.job_retry (id, retried_at, workspace_id, run_at, attempt, lost_leases, error, parked_for)
SELECT i.id, i.retried_at, i.workspace_id, i.run_at, i.attempt, i.lost_leases,
       coalesce(i.error, (SELECT r.error FROM crier.job_retry r WHERE r.id = i.id ORDER BY r.retried_at DESC LIMIT 1)),
       i.parked_for
FROM input i
