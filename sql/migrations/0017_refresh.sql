-- When the tokens of accounts are renewed ahead of need, and what is known of refreshes that did not end well.
ALTER TABLE crier.credential
    -- that of its account, so that one index finds what is due on a platform
    ADD COLUMN platform              text,
    -- when it is to be renewed; null: not by itself
    ADD COLUMN refresh_at            timestamptz,
    -- since when the holder of the lease may have sent its refresh; null once it has said what came of it
    ADD COLUMN refresh_began_at      timestamptz,
    -- when the first refresh of this generation was sent of which nobody knows what became
    ADD COLUMN refresh_unclear_since timestamptz,
    ADD COLUMN refresh_failures      integer NOT NULL DEFAULT 0 CHECK (refresh_failures >= 0),
    -- why the last refresh failed: class, message, at
    ADD COLUMN refresh_error         jsonb;

-- What is there has lived since it was stored. It is spread over ten minutes, so that not everything comes at once.
UPDATE crier.credential c
SET platform = a.platform,
    refresh_at = CASE WHEN a.status IN ('active', 'paused') AND (c.expires_at IS NOT NULL OR c.refresh_expires_at IS NOT NULL) THEN
        greatest(now(), least(
            c.expires_at - CASE WHEN c.refresh_expires_at <= c.expires_at THEN (c.expires_at - c.updated_at) / 4
                                ELSE least((c.expires_at - c.updated_at) / 4, interval '24 hours') END,
            c.refresh_expires_at - (c.refresh_expires_at - c.updated_at) / 4))
        + random() * interval '10 minutes' END
FROM crier.social_account a
WHERE a.workspace_id = c.workspace_id AND a.id = c.account_id;

ALTER TABLE crier.credential ALTER COLUMN platform SET NOT NULL;
CREATE INDEX credential_refresh ON crier.credential (platform, refresh_at) WHERE refresh_at IS NOT NULL;

-- Why an account does not work, for those who have to do something about it.
ALTER TABLE crier.social_account ADD COLUMN status_reason text;

-- What this database was before it was adopted: what a sidecar wrote down for it then is still for it.
ALTER TABLE crier.installation ADD COLUMN former text[] NOT NULL DEFAULT '{}';
