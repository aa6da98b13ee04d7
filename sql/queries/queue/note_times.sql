-- Notes jobs that run much later by their times: they are not kept in memory.
INSERT INTO crier.job_scheduled (run_at, id)
SELECT i.run_at, i.id FROM unnest($1::timestamptz[], $2::uuid[]) AS i (run_at, id)
ON CONFLICT (run_at, id) DO NOTHING
