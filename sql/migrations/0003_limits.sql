-- Limits: what accounts, their actions and servers are held to. All of it is data; changes hold from their commit on.

-- The server of the account, for the limits and the circuit breaker of that server.
ALTER TABLE crier.job ADD COLUMN host text;

-- What jobs of a kind do on a platform, and how many of them one account or user may have in workers' hands at once.
ALTER TABLE crier.job_kind
    ADD COLUMN action            text    CHECK (char_length(action) BETWEEN 1 AND 64),
    ADD COLUMN owner_concurrency integer CHECK (owner_concurrency > 0);
INSERT INTO crier.job_kind AS k (kind, action)
VALUES ('publish_post', 'publish'), ('like', 'like'), ('comment', 'comment'), ('follow', 'follow'), ('send_dm', 'dm')
ON CONFLICT (kind) DO UPDATE SET action = coalesce(k.action, excluded.action);

-- How hard a platform is worked. A server is one host of the platform; most platforms have one. Null: no limit.
CREATE TABLE crier.platform_policy (
    platform            text     PRIMARY KEY CHECK (char_length(platform) BETWEEN 1 AND 60),
    account_concurrency integer  DEFAULT 1 CHECK (account_concurrency > 0),
    server_concurrency  integer  CHECK (server_concurrency > 0),
    account_gap         interval DEFAULT '1 second' CHECK (account_gap >= '0' AND account_gap <= '1 day'),
    server_gap          interval CHECK (server_gap >= '0' AND server_gap <= '1 day'),
    -- the circuit breaker of an account, and that of a server: opens after so many failures within the window
    breaker_failures    integer  DEFAULT 5 CHECK (breaker_failures > 0),
    breaker_window      interval NOT NULL DEFAULT '2 minutes' CHECK (breaker_window > '0' AND breaker_window <= '1 day'),
    breaker_pause       interval NOT NULL DEFAULT '30 seconds' CHECK (breaker_pause > '0' AND breaker_pause <= '1 day'),
    breaker_max_pause   interval NOT NULL DEFAULT '10 minutes' CHECK (breaker_max_pause >= breaker_pause AND breaker_max_pause <= '1 day')
);
INSERT INTO crier.platform_policy (platform, server_concurrency)
VALUES ('bluesky', 20), ('mastodon', 4), ('x', 10), ('linkedin', 4), ('reddit', 1), ('instagram', 50), ('facebook', 50),
       ('threads', 50), ('youtube', 10), ('tiktok', 20), ('pinterest', 10), ('discord', 20), ('slack', 20), ('telegram', 20);

-- How many of an action a platform admits within a sliding window: for each account, or for all accounts together.
CREATE TABLE crier.platform_limit (
    platform text     NOT NULL CHECK (char_length(platform) BETWEEN 1 AND 60),
    action   text     NOT NULL CHECK (char_length(action) BETWEEN 1 AND 64),
    scope    text     NOT NULL DEFAULT 'account' CHECK (scope IN ('account', 'platform')),
    per      interval NOT NULL CHECK (per >= '1 second' AND per <= '31 days'),
    max      integer  NOT NULL CHECK (max >= 0),
    PRIMARY KEY (platform, action, scope, per)
);
-- Where a platform publishes no figure, a cautious one.
INSERT INTO crier.platform_limit (platform, action, scope, per, max)
VALUES ('instagram', 'publish', 'account', '1 day', 25),  ('instagram', 'publish', 'account', '1 hour', 10),
       ('instagram', 'like', 'account', '1 day', 150),    ('instagram', 'like', 'account', '1 hour', 30),
       ('instagram', 'comment', 'account', '1 day', 30),  ('instagram', 'comment', 'account', '1 hour', 10),
       ('instagram', 'follow', 'account', '1 day', 50),   ('instagram', 'follow', 'account', '1 hour', 15),
       ('instagram', 'dm', 'account', '1 day', 20),       ('instagram', 'dm', 'account', '1 hour', 5),
       ('facebook', 'publish', 'account', '1 day', 100),  ('facebook', 'publish', 'account', '1 hour', 25),
       ('facebook', 'comment', 'account', '1 hour', 60),
       ('threads', 'publish', 'account', '1 day', 250),   ('threads', 'publish', 'account', '1 hour', 20),
       ('threads', 'comment', 'account', '1 day', 1000),  ('threads', 'delete', 'account', '1 day', 100),
       ('x', 'publish', 'account', '15 minutes', 50),     ('x', 'publish', 'account', '3 hours', 300),
       ('x', 'publish', 'platform', '1 day', 10000),
       ('x', 'dm', 'account', '15 minutes', 15),          ('x', 'delete', 'account', '15 minutes', 50),
       ('linkedin', 'publish', 'account', '1 day', 100),  ('linkedin', 'publish', 'account', '1 hour', 10),
       ('linkedin', 'comment', 'account', '1 hour', 60),
       ('youtube', 'publish', 'account', '1 hour', 6),    ('youtube', 'publish', 'platform', '1 day', 100),
       ('tiktok', 'publish', 'account', '1 minute', 6),   ('tiktok', 'publish', 'account', '1 day', 15),
       ('pinterest', 'publish', 'account', '1 minute', 10), ('pinterest', 'publish', 'account', '1 day', 150),
       ('bluesky', 'publish', 'account', '1 hour', 60),   ('bluesky', 'like', 'account', '1 hour', 300),
       ('bluesky', 'follow', 'account', '1 hour', 300),   ('bluesky', 'comment', 'account', '1 hour', 60),
       ('mastodon', 'publish', 'account', '1 hour', 30),  ('mastodon', 'publish', 'account', '3 hours', 300),
       ('mastodon', 'delete', 'account', '30 minutes', 30),
       ('reddit', 'publish', 'account', '10 minutes', 1), ('reddit', 'publish', 'account', '1 day', 10),
       ('discord', 'publish', 'account', '1 minute', 30),
       ('slack', 'publish', 'account', '1 second', 1),
       ('telegram', 'publish', 'account', '1 second', 1), ('telegram', 'publish', 'account', '1 minute', 20),
       ('telegram', 'publish', 'platform', '1 second', 30);

-- Limits of single accounts, in the place of their platform's with a window of that length.
CREATE TABLE crier.account_limit (
    workspace_id uuid        NOT NULL,
    account_id   uuid        NOT NULL,
    action       text        NOT NULL CHECK (char_length(action) BETWEEN 1 AND 64),
    per          interval    NOT NULL CHECK (per >= '1 second' AND per <= '31 days'),
    max          integer     NOT NULL CHECK (max >= 0),
    -- one that a member set is never looser than the platform's
    by_operator  boolean     NOT NULL DEFAULT true,
    set_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, account_id, action, per),
    FOREIGN KEY (workspace_id, account_id) REFERENCES crier.social_account (workspace_id, id) ON DELETE CASCADE
);

-- What lets nothing through before a time, because a platform or a person said so. The nil uuid: the whole server; an
-- empty action: every one.
CREATE TABLE crier.limit_block (
    workspace_id uuid,
    platform     text        NOT NULL,
    host         text        NOT NULL,
    account_id   uuid        NOT NULL,
    action       text        NOT NULL,
    until        timestamptz NOT NULL,
    reason       text,
    blocked_at   timestamptz NOT NULL DEFAULT now(),
    -- who wants it; each has a block of their own, and the longest counts
    set_by       text        NOT NULL CHECK (set_by IN ('platform', 'operator', 'member')),
    PRIMARY KEY (account_id, platform, host, action, set_by)
);

-- What was used of the limits, one row a claim, so that they hold across a restart. Times are microseconds since 2000; what
-- was given back has a negative count at the time at which it had been used.
CREATE TABLE crier.limit_use (
    recorded_at bigint    NOT NULL,
    account_ids uuid[]    NOT NULL,
    actions     text[]    NOT NULL,
    counts      integer[] NOT NULL
) PARTITION BY RANGE (recorded_at);
CREATE INDEX limit_use_recorded ON crier.limit_use (recorded_at);
CREATE TABLE crier.limit_use_default PARTITION OF crier.limit_use DEFAULT;

-- How many requests a minute a user may make of an API server, by kind of endpoint.
CREATE TABLE crier.request_limit (
    endpoint   text    PRIMARY KEY CHECK (char_length(endpoint) BETWEEN 1 AND 200),
    per_minute integer NOT NULL CHECK (per_minute >= 0)
);
INSERT INTO crier.request_limit (endpoint, per_minute) VALUES ('general', 200), ('analysis', 100), ('uploads', 20);

DO $do$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['platform_policy', 'platform_limit', 'account_limit', 'limit_block', 'limit_use',
                             'limit_use_default', 'request_limit'] LOOP
        EXECUTE format('ALTER TABLE crier.%I ENABLE ROW LEVEL SECURITY', t);
    END LOOP;
END
$do$;
