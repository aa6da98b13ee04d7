-- Adds jobs and answers with one id per element, in input order. An unfinished job with the same workspace,
-- kind and dedupe key is answered instead of adding another. DO UPDATE (not DO NOTHING) waits for a concurrent
-- insert of the same key and then sees its row.
WITH input AS MATERIALIZED (
    SELECT i.*, coalesce(i.workspace_id, '00000000-0000-0000-0000-000000000000'::uuid) AS tenant
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::int[], $8::timestamptz[],
                $9::int[], $10::timestamptz[], $11::text[])
         WITH ORDINALITY AS i (id, kind, params, workspace_id, user_id, account_id, priority, run_at, max_attempts,
                               expires_at, dedupe_key, ord)
), once AS (
    SELECT * FROM input WHERE dedupe_key IS NULL
    UNION ALL
    (SELECT DISTINCT ON (tenant, kind, dedupe_key) * FROM input WHERE dedupe_key IS NOT NULL
     ORDER BY tenant, kind, dedupe_key, ord)
), added AS (
    INSERT INTO crier.job AS j (id, workspace_id, user_id, account_id, platform, kind, params, priority, state, run_at,
                                expires_at, dedupe_key, max_attempts, created_at)
    SELECT o.id, o.workspace_id, o.user_id, o.account_id, a.platform, o.kind, o.params::jsonb, o.priority, 'pending',
           o.run_at, o.expires_at, o.dedupe_key, o.max_attempts, $12
    FROM once o
    LEFT JOIN crier.social_account a ON a.id = o.account_id
    ON CONFLICT ((coalesce(workspace_id, '00000000-0000-0000-0000-000000000000'::uuid)), kind, dedupe_key)
        WHERE dedupe_key IS NOT NULL
        DO UPDATE SET dedupe_key = excluded.dedupe_key
    RETURNING j.id, j.workspace_id, j.kind, j.dedupe_key
)
SELECT coalesce(plain.id, keyed.id) AS id
FROM input i
LEFT JOIN added plain ON plain.id = i.id AND i.dedupe_key IS NULL
LEFT JOIN added keyed ON keyed.dedupe_key = i.dedupe_key AND keyed.kind = i.kind
                     AND keyed.workspace_id IS NOT DISTINCT FROM i.workspace_id
ORDER BY i.ord
