-- Machines that call the API. A key is a user that no person is: a member of one workspace, by which it may see and do what its role
-- allows. Who shows it is told by its hash; the key itself is kept nowhere.
CREATE TABLE crier.api_key (
    workspace_id uuid        NOT NULL REFERENCES crier.workspace (id) ON DELETE CASCADE,
    -- as whom it acts: user_id of crier.workspace_member, of what it posts, and of the activity log
    id           uuid        PRIMARY KEY,
    name         text        NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    role         text        NOT NULL CHECK (role IN ('viewer', 'editor', 'admin')),
    hash         bytea       NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    made_by      uuid,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz CHECK (expires_at > created_at),
    -- to the minute
    last_used_at timestamptz,
    revoked_at   timestamptz
) WITH (fillfactor = 80);
CREATE INDEX api_key_workspace ON crier.api_key (workspace_id, id);

-- Requests that callers of the API have given a name, and what came of them: what is asked for again is answered again, and not
-- done again. A row is written by the transaction that carries the request out.
CREATE TABLE crier.idempotency_key (
    -- who asked: nobody else finds it
    user_id    uuid        NOT NULL,
    key        text        NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 255),
    -- a hash of what was asked for
    request    bytea       NOT NULL CHECK (octet_length(request) = 32),
    -- what the function gave; null: that is not kept
    rows       jsonb,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, key)
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX idempotency_key_created ON crier.idempotency_key (created_at);

ALTER TABLE crier.api_key         ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.idempotency_key ENABLE ROW LEVEL SECURITY;

INSERT INTO crier.tenant_limit (name, max, about) VALUES
    ('api_keys_per_workspace', 20, 'API keys of a workspace that have not ended'),
    ('idempotency_keys_per_user', 10000, 'requests with an Idempotency-Key that are kept of a user');
INSERT INTO crier.maintenance_setting (name, value, about) VALUES
    ('keep_idempotency_keys', '24 hours', 'what requests with an Idempotency-Key were answered');
INSERT INTO crier.maintenance_task (task, place, every) VALUES ('cleanup_idempotency_keys', 63, '10 minutes');
INSERT INTO crier.maintenance_lock (task) VALUES ('cleanup_idempotency_keys');
