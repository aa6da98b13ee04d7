-- Webhooks that platforms send: what was received, once each. (Alerts, which Crier sends, are in 0009_alerts.)

-- What was received already, by the id that the platform gives a delivery or else a hash of its bytes: the same one again is
-- nothing new. Whole partitions can't be dropped here: a key has to be unique over all that is kept, and a unique index of a
-- partitioned table is one for each partition. So it is a plain table of small rows, cleaned up in batches.
CREATE TABLE crier.webhook_delivery (
    -- the endpoint: a platform, or platform/name
    source       text        NOT NULL CHECK (char_length(source) BETWEEN 1 AND 100),
    delivery_key text        NOT NULL CHECK (char_length(delivery_key) BETWEEN 1 AND 300),
    received_at  timestamptz NOT NULL,
    PRIMARY KEY (source, delivery_key)
);
CREATE INDEX webhook_delivery_received ON crier.webhook_delivery (received_at);

-- What deliveries say, a row for each account that one concerns, with the part about that account and nothing of others'.
-- Without a workspace: it names no account that is connected, and belongs to the installation.
CREATE TABLE crier.webhook_event (
    id           uuid        PRIMARY KEY,
    workspace_id uuid        REFERENCES crier.workspace (id) ON DELETE CASCADE,
    account_id   uuid,
    source       text        NOT NULL,
    platform     text        NOT NULL CHECK (char_length(platform) BETWEEN 1 AND 60),
    -- the account as the platform calls it; null: the payload names none
    external_id  text,
    payload      jsonb       NOT NULL,
    -- those of an allow-list: no signature, no cookie
    headers      jsonb       NOT NULL,
    received_at  timestamptz NOT NULL,
    -- what it was about, once it was processed
    kinds        text[],
    processed_at timestamptz,
    replays      integer     NOT NULL DEFAULT 0,
    CHECK (account_id IS NULL OR workspace_id IS NOT NULL)
-- written twice: when it comes, and when it was processed
) WITH (fillfactor = 85);
CREATE INDEX webhook_event_workspace ON crier.webhook_event (workspace_id, id) WHERE workspace_id IS NOT NULL;
CREATE INDEX webhook_event_received ON crier.webhook_event (received_at);

-- What events say of webhooks goes with them, long before other events.
CREATE INDEX event_webhook ON crier.event (created_at) WHERE kind = 'webhook_received';

-- Whose a payload is: one account may be connected to several workspaces.
CREATE INDEX social_account_external ON crier.social_account (platform, external_id);

-- Nothing outside is called: what goes wrong is the database or a defect. Six times in a quarter of an hour, and then what
-- crier.retry_failed_jobs does.
INSERT INTO crier.job_kind (kind, max_attempts, first_delay, max_delay, jitter)
VALUES ('process_webhook', 6, '30 seconds', '1 hour', true)
ON CONFLICT (kind) DO NOTHING;

INSERT INTO crier.maintenance_setting (name, value, about) VALUES
    ('keep_webhook_events', '30 days', 'webhooks that were received, and what tells a repeated one');
INSERT INTO crier.maintenance_task (task, place, every) VALUES ('cleanup_old_webhook_events', 78, '1 hour');
INSERT INTO crier.maintenance_lock (task) VALUES ('cleanup_old_webhook_events');

ALTER TABLE crier.webhook_delivery ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.webhook_event    ENABLE ROW LEVEL SECURITY;
