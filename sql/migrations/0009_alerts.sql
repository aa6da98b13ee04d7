-- Alerts by webhook: who wants to hear of what, and what was told.

-- Where alerts go. Without a workspace: an endpoint of the operator's, which hears of the whole installation. What signs is
-- sealed by the sidecar as a credential is, and the database can't open it. An address can be a secret too: nobody but the
-- owner reads this table, and administrators have crier.list_alert_endpoints().
CREATE TABLE crier.alert_endpoint (
    id               uuid        PRIMARY KEY,
    workspace_id     uuid        REFERENCES crier.workspace (id) ON DELETE CASCADE,
    url              text        NOT NULL CHECK (char_length(url) BETWEEN 1 AND 2000),
    -- null: everything
    kinds            text[]      CHECK (cardinality(kinds) > 0),
    sealed           bytea       NOT NULL CHECK (octet_length(sealed) BETWEEN 34 AND 65536
                                                 AND substring(sealed FROM 1 FOR 2) = decode('0101', 'hex')),
    enabled          boolean     NOT NULL DEFAULT true,
    -- gone: it answered 410; failing: it took nothing for too long; asked: somebody disabled it
    disabled_because text        CHECK (disabled_because IN ('gone', 'failing', 'asked')),
    created_at       timestamptz NOT NULL,
    last_success_at  timestamptz,
    last_failure_at  timestamptz,
    last_error       text,
    -- null: the last delivery arrived
    failing_since    timestamptz,
    CHECK (enabled = (disabled_because IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX alert_endpoint_workspace ON crier.alert_endpoint (workspace_id, id);

-- What was told of an account, and of which of its credentials: once for each.
CREATE TABLE crier.alert_told (
    workspace_id uuid   NOT NULL,
    account_id   uuid   NOT NULL,
    kind         text   NOT NULL,
    generation   bigint NOT NULL,
    PRIMARY KEY (workspace_id, account_id, kind),
    FOREIGN KEY (workspace_id, account_id) REFERENCES crier.social_account (workspace_id, id) ON DELETE CASCADE
);

-- What was above its threshold when it was looked at last.
CREATE TABLE crier.alert_state (
    name  text        PRIMARY KEY,
    since timestamptz NOT NULL
);

-- What waits for an endpoint: the key of its job begins with the endpoint's id. Other kinds of jobs pay nothing for it.
CREATE INDEX job_key_alert ON crier.job_key (left(dedupe_key, 36)) WHERE kind = 'deliver_alert';

-- Two days of attempts: 1, 2, 4, … minutes up to 12 hours apart. Those of a workspace two at a time, so that its endpoints
-- that hang leave room for others.
INSERT INTO crier.job_kind (kind, max_attempts, first_delay, max_delay, jitter, owner_concurrency)
VALUES ('deliver_alert', 14, '1 minute', '12 hours', true, 2)
ON CONFLICT (kind) DO NOTHING;

INSERT INTO crier.maintenance_setting (name, value, about) VALUES
    ('disable_alerts_after', '5 days', 'alert endpoints that have taken nothing for so long are disabled; null: never');
INSERT INTO crier.maintenance_task (task, place, every) VALUES ('check_alerts', 27, '1 minute');
INSERT INTO crier.maintenance_lock (task) VALUES ('check_alerts');

ALTER TABLE crier.alert_endpoint ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.alert_told     ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.alert_state    ENABLE ROW LEVEL SECURITY;
