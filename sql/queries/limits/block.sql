-- Blocks by way of accounts; of several the latest end counts. In the order of their keys, so that two who block the same
-- don't wait for each other in a circle.
WITH wanted AS (
    SELECT CASE WHEN i.server THEN NULL ELSE a.workspace_id END AS workspace_id, a.platform,
           CASE WHEN i.server
                THEN regexp_replace(lower(substring(a.base_url FROM '^https?://(?:[^@/?#]*@)?([^/?#]+)')), '\.?(:443|:80)?$', '')
                ELSE '' END AS host,
           CASE WHEN i.server THEN '00000000-0000-0000-0000-000000000000' ELSE a.id END AS account_id,
           i.action, i.until, i.reason, i.set_by
    FROM unnest($1::uuid[], $2::text[], $3::bool[], $4::timestamptz[], $5::text[], $6::text[])
         AS i (account_id, action, server, until, reason, set_by)
    JOIN crier.social_account a ON a.id = i.account_id
)
INSERT INTO crier.limit_block AS b (workspace_id, platform, host, account_id, action, until, reason, blocked_at, set_by)
SELECT w.workspace_id, w.platform, coalesce(w.host, ''), w.account_id, w.action, max(w.until), min(w.reason), $7, w.set_by
FROM wanted w
GROUP BY w.workspace_id, w.platform, w.host, w.account_id, w.action, w.set_by
ORDER BY w.account_id, w.platform, w.host, w.action, w.set_by
ON CONFLICT (account_id, platform, host, action, set_by)
    DO UPDATE SET until = greatest(b.until, excluded.until), reason = excluded.reason, blocked_at = excluded.blocked_at
RETURNING b.platform, b.host, b.account_id, b.action, b.until
