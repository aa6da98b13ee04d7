-- Adds jobs and answers with the places of those it added. One whose dedupe key an unfinished job of the same
-- workspace and kind has is left out: no row is locked for it. A concurrent insert of the same key is waited for, in
-- the order of the keys, so that two callers can't wait for each other.
WITH input AS MATERIALIZED (
    SELECT *
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::int[], $8::timestamptz[],
                $9::int[], $10::timestamptz[], $11::text[])
         AS i (id, kind, params, workspace_id, user_id, account_id, priority, run_at, max_attempts, expires_at, dedupe_key)
)
INSERT INTO crier.job (id, workspace_id, user_id, account_id, platform, kind, params, priority, state, run_at,
                       expires_at, dedupe_key, max_attempts, created_at)
SELECT i.id, i.workspace_id, i.user_id, i.account_id,
       (SELECT a.platform FROM crier.social_account a WHERE a.id = i.account_id LIMIT 1),
       i.kind, i.params::jsonb, i.priority, 'pending', i.run_at, i.expires_at, i.dedupe_key, i.max_attempts, $12
FROM input i
ORDER BY coalesce(i.workspace_id, '00000000-0000-0000-0000-000000000000'::uuid), i.kind, i.dedupe_key, i.id
ON CONFLICT ((coalesce(workspace_id, '00000000-0000-0000-0000-000000000000'::uuid)), kind, dedupe_key)
    WHERE dedupe_key IS NOT NULL
    DO NOTHING
RETURNING id
