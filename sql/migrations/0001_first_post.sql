-- The tables of the first version. They are ordinary objects, not members of the extension: pg_dump emits
-- their data, policies and row security, and DROP EXTENSION … CASCADE takes the views and policies that call its
-- functions, but no table. crier.migrate() brings those back.
-- Run by crier.migrate() as crier_owner, which therefore owns everything here.

-- Which database this is. A copy restored elsewhere has another identity and must not publish what its
-- origin already published: see crier.adopt_database(). Without a key: see queries/installation/is_ours.sql.
CREATE TABLE crier.installation (
    system_identifier text        NOT NULL,
    database_oid      oid         NOT NULL,
    table_oid         oid         NOT NULL,
    adopted_at        timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE crier.workspace (
    id         uuid        PRIMARY KEY,
    name       text        NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE crier.workspace_member (
    workspace_id uuid        NOT NULL REFERENCES crier.workspace (id) ON DELETE CASCADE,
    user_id      uuid        NOT NULL,
    role         text        NOT NULL CHECK (role IN ('owner', 'admin', 'editor', 'viewer')),
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, user_id)
);
CREATE INDEX workspace_member_user ON crier.workspace_member (user_id) INCLUDE (workspace_id, role);

CREATE TABLE crier.social_account (
    workspace_id uuid        NOT NULL REFERENCES crier.workspace (id) ON DELETE CASCADE,
    id           uuid        NOT NULL,
    platform     text        NOT NULL,
    external_id  text        NOT NULL,
    handle       text        NOT NULL,
    base_url     text        NOT NULL,
    -- disconnected: no credential was stored yet; reauth_required: the platform ended the grant
    status       text        NOT NULL CHECK (status IN ('disconnected', 'active', 'paused', 'reauth_required')),
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, platform, external_id)
);
CREATE INDEX social_account_id ON crier.social_account (id);

-- Tokens, sealed by the sidecar. The database holds no key and can't open them. The check refuses clear text:
-- format 1, algorithm 1, and at least header and tag (crier_core::sealed).
CREATE TABLE crier.credential (
    workspace_id         uuid        NOT NULL,
    account_id           uuid        NOT NULL,
    user_id              uuid,
    generation           bigint      NOT NULL CHECK (generation > 0),
    sealed               bytea       NOT NULL CHECK (octet_length(sealed) BETWEEN 34 AND 65536
                                                     AND substring(sealed FROM 1 FOR 2) = decode('0101', 'hex')),
    expires_at           timestamptz,
    refresh_expires_at   timestamptz,
    -- counts up with every lease of a refresh: a late word about an older one changes nothing
    refresh_token_no     bigint      NOT NULL DEFAULT 0,
    refresh_leased_until timestamptz,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, account_id),
    FOREIGN KEY (workspace_id, account_id) REFERENCES crier.social_account (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX credential_account ON crier.credential (account_id);

CREATE TABLE crier.post (
    workspace_id uuid        NOT NULL REFERENCES crier.workspace (id) ON DELETE CASCADE,
    id           uuid        NOT NULL,
    author_id    uuid,
    content      text        NOT NULL,
    media        jsonb       NOT NULL,
    settings     jsonb       NOT NULL,
    scheduled_at timestamptz NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX post_id ON crier.post (id);

-- One post for one account, with its outcome. The key and the exact request are frozen before the first try;
-- docs/architecture.md draws the states.
CREATE TABLE crier.post_target (
    workspace_id uuid        NOT NULL,
    id           uuid        NOT NULL,
    post_id      uuid        NOT NULL,
    account_id   uuid        NOT NULL,
    platform     text        NOT NULL,
    job_id       uuid        NOT NULL,
    state        text        NOT NULL DEFAULT 'scheduled'
                 CHECK (state IN ('scheduled', 'queued', 'preparing', 'committing', 'published', 'failed', 'unknown',
                                  'unconfirmed', 'canceled')),
    prepared     jsonb,
    platform_key text,
    request      text,
    intent_at    timestamptz,
    attempts     integer     NOT NULL DEFAULT 0,
    external_id  text,
    url          text,
    error        jsonb,
    published_at timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, post_id, account_id),
    FOREIGN KEY (workspace_id, post_id) REFERENCES crier.post (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, account_id) REFERENCES crier.social_account (workspace_id, id) ON DELETE CASCADE,
    CHECK ((platform_key IS NULL) = (request IS NULL)),
    CHECK (state <> 'published' OR published_at IS NOT NULL)
) WITH (fillfactor = 80);
CREATE INDEX post_target_job ON crier.post_target (job_id);
CREATE INDEX post_target_account ON crier.post_target (workspace_id, account_id);

CREATE TABLE crier.event (
    workspace_id uuid        NOT NULL REFERENCES crier.workspace (id) ON DELETE CASCADE,
    id           uuid        NOT NULL,
    kind         text        NOT NULL,
    account_id   uuid,
    post_id      uuid,
    target_id    uuid,
    payload      jsonb       NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id)
);

ALTER TABLE crier.workspace        ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.workspace_member ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.social_account   ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.credential       ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.post             ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.post_target      ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.event            ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.installation     ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.migration        ENABLE ROW LEVEL SECURITY;
