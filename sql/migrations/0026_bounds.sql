-- What tenants may take of what all of them share. The operator changes it; null: no bound.
CREATE TABLE crier.tenant_limit (
    name  text   PRIMARY KEY,
    max   bigint CHECK (max > 0),
    about text   NOT NULL
);
INSERT INTO crier.tenant_limit (name, max, about) VALUES
    ('kinds_per_workspace', 50, 'kinds of jobs, on a platform each or on none, that application users of a workspace have brought'),
    ('kinds', 1500, 'the same of all workspaces together: the memory of the queue has room for 4,096, those of crier.job_kind included'),
    ('jobs_per_workspace', 100000, 'unfinished jobs in memory, from which on application users add no others; 100 at least'),
    ('workspaces_per_account', 50, 'workspaces with one account on a platform: each has its own row of every webhook about it'),
    ('workspaces_per_user', 100, 'workspaces that one application user owns, from which on they make no others');

-- The kinds of jobs that application users have brought, by who was the first: crier.job_kind does not name them. From then on
-- anybody may use them.
CREATE TABLE crier.open_kind (
    kind         text        NOT NULL CHECK (char_length(kind) BETWEEN 1 AND 100),
    -- empty: none
    platform     text        NOT NULL,
    workspace_id uuid        REFERENCES crier.workspace (id) ON DELETE SET NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (kind, platform)
);
CREATE INDEX open_kind_workspace ON crier.open_kind (workspace_id);

ALTER TABLE crier.tenant_limit ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.open_kind    ENABLE ROW LEVEL SECURITY;
