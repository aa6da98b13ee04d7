-- Blocks; the latest end of one counts. In the order of their keys, so that two who block the same don't wait for each
-- other in a circle.
INSERT INTO crier.limit_block AS b (workspace_id, platform, host, account_id, action, until, reason, blocked_at)
SELECT i.workspace_id, i.platform, i.host, i.account_id, i.action, max(i.until), min(i.reason), $8
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::timestamptz[], $7::text[])
     AS i (workspace_id, platform, host, account_id, action, until, reason)
GROUP BY i.workspace_id, i.platform, i.host, i.account_id, i.action
ORDER BY i.account_id, i.platform, i.host, i.action
ON CONFLICT (account_id, platform, host, action)
    DO UPDATE SET until = excluded.until, reason = excluded.reason, blocked_at = excluded.blocked_at
    WHERE b.until < excluded.until
