-- Accounts that are connected by OAuth: what has to be remembered while a person is on the way, and the apps that were
-- registered at servers.

-- One row for each login, from the ticket of the application to the accounts. Each step is taken with a secret that is good
-- once: the row has its hash, and loses it with the step.
--   ticket    the application has it              -> started
--   started   crierd makes the platform's address -> login
--   login     the person is at the platform       -> answered
--   answered  crierd exchanges the code           -> choice, or the row goes
--   choice    the person chooses accounts         -> chosen, and the row goes
-- What the next step needs is sealed by crierd. Nobody but the owner reads this table.
CREATE TABLE crier.oauth_state (
    workspace_id uuid        NOT NULL REFERENCES crier.workspace (id) ON DELETE CASCADE,
    id           uuid        NOT NULL,
    stage        text        NOT NULL CHECK (stage IN ('ticket', 'started', 'login', 'answered', 'choice', 'chosen')),
    hash         bytea       CHECK (octet_length(hash) = 32),
    -- who asked for it; null: a trusted role
    user_id      uuid,
    platform     text        NOT NULL,
    server       text,
    -- the account that has to log in again, and no other
    account_id   uuid,
    return_url   text        NOT NULL CHECK (char_length(return_url) BETWEEN 1 AND 2000),
    -- of the cookie of the browser that began
    browser_hash bytea       CHECK (octet_length(browser_hash) = 32),
    sealed       bytea       CHECK (octet_length(sealed) BETWEEN 34 AND 65536
                                    AND substring(sealed FROM 1 FOR 2) = decode('0101', 'hex')),
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, account_id) REFERENCES crier.social_account (workspace_id, id) ON DELETE CASCADE,
    CHECK ((stage IN ('ticket', 'login', 'choice')) = (hash IS NOT NULL)),
    CHECK ((stage IN ('login', 'choice')) = (sealed IS NOT NULL)),
    CHECK ((stage IN ('ticket', 'started')) = (browser_hash IS NULL))
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
CREATE UNIQUE INDEX oauth_state_hash ON crier.oauth_state (hash);
CREATE INDEX oauth_state_expires ON crier.oauth_state (expires_at);
CREATE INDEX oauth_state_account ON crier.oauth_state (workspace_id, account_id) WHERE account_id IS NOT NULL;

-- The apps that crierd has registered at servers that are a platform of their own each: one for each server and redirect
-- URI, shared by all tenants. Their secrets are sealed.
CREATE TABLE crier.app_registration (
    platform     text        NOT NULL,
    server       text        NOT NULL,
    redirect_uri text        NOT NULL,
    id           uuid        NOT NULL,
    -- counts the registrations; 0: none yet
    generation   bigint      NOT NULL DEFAULT 0 CHECK (generation >= 0),
    sealed       bytea       CHECK (octet_length(sealed) BETWEEN 34 AND 65536
                                    AND substring(sealed FROM 1 FOR 2) = decode('0101', 'hex')),
    -- until when somebody is registering
    leased_until timestamptz,
    -- when the server said last that it knows the app; null: it said that it doesn't
    checked_at   timestamptz,
    used_at      timestamptz NOT NULL,
    PRIMARY KEY (platform, server, redirect_uri),
    CHECK ((generation = 0) = (sealed IS NULL))
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX app_registration_id ON crier.app_registration (id);
CREATE INDEX app_registration_used ON crier.app_registration (used_at);

INSERT INTO crier.maintenance_setting (name, value, about) VALUES
    ('keep_app_registrations', '1 year', 'apps registered at servers, from their last use on; they are registered again when needed');
INSERT INTO crier.maintenance_task (task, place, every) VALUES ('cleanup_expired_oauth_states_batch', 77, '10 minutes');
INSERT INTO crier.maintenance_lock (task) VALUES ('cleanup_expired_oauth_states_batch');

ALTER TABLE crier.oauth_state      ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.app_registration ENABLE ROW LEVEL SECURITY;

-- On some platforms every server numbers its accounts by itself: then two servers have an account of the same id, and only
-- the server tells them apart. Elsewhere an account may move to another server and stays itself.
ALTER TABLE crier.social_account ADD COLUMN realm text NOT NULL DEFAULT '';
UPDATE crier.social_account SET realm = base_url WHERE platform = 'mastodon';
ALTER TABLE crier.social_account
    DROP CONSTRAINT social_account_workspace_id_platform_external_id_key,
    ADD CONSTRAINT social_account_on_platform UNIQUE (workspace_id, platform, realm, external_id);
