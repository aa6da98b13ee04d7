-- Blocks a server for everybody; the later end counts.
INSERT INTO crier.limit_block AS b (platform, host, account_id, action, until, reason, blocked_at, set_by)
VALUES ($1, $2, '00000000-0000-0000-0000-000000000000', '', $3, $4, $5, 'operator')
ON CONFLICT (account_id, platform, host, action, set_by)
    DO UPDATE SET until = greatest(b.until, excluded.until), reason = excluded.reason, blocked_at = excluded.blocked_at
