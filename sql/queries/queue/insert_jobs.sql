-- Appends jobs.
INSERT INTO crier.job (id, workspace_id, user_id, account_id, platform, kind, params, priority, run_at, expires_at,
                       dedupe_key, max_attempts, created_at, host)
SELECT i.id, i.workspace_id, i.user_id, i.account_id, i.platform, i.kind, i.params::jsonb, i.priority, i.run_at, i.expires_at,
       i.dedupe_key, i.max_attempts, $13, i.host
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::int[],
            $9::timestamptz[], $10::int[], $11::timestamptz[], $12::text[], $14::text[])
     AS i (id, kind, params, workspace_id, user_id, account_id, platform, priority, run_at, max_attempts, expires_at, dedupe_key,
           host)
