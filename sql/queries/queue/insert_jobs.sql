-- Appends jobs. What runs much later is noted by its time too: it is not kept in memory.
WITH input AS MATERIALIZED (
    SELECT *
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::int[],
                $9::timestamptz[], $10::int[], $11::timestamptz[], $12::text[])
         AS i (id, kind, params, workspace_id, user_id, account_id, platform, priority, run_at, max_attempts, expires_at,
               dedupe_key)
), scheduled AS (
    INSERT INTO crier.job_scheduled (run_at, id) SELECT run_at, id FROM input WHERE run_at > $14
)
INSERT INTO crier.job (id, workspace_id, user_id, account_id, platform, kind, params, priority, run_at, expires_at,
                       dedupe_key, max_attempts, created_at)
SELECT id, workspace_id, user_id, account_id, platform, kind, params::jsonb, priority, run_at, expires_at, dedupe_key,
       max_attempts, $13
FROM input
