-- What happened to what was published, as far as somebody tells: counted by hour and day for long, kept one by one for a while.

-- One by one, by months, which go as a whole. The id is a UUIDv7 of the time at which it was recorded; whoever gives it may send
-- the same again.
CREATE TABLE crier.analytics_event (
    workspace_id uuid        NOT NULL,
    id           uuid        NOT NULL,
    at           timestamptz NOT NULL,
    kind         text        NOT NULL CHECK (char_length(kind) BETWEEN 1 AND 60),
    -- empty: none
    platform     text        NOT NULL,
    account_id   uuid,
    post_id      uuid,
    value        numeric     NOT NULL,
    properties   jsonb,
    PRIMARY KEY (workspace_id, id)
) PARTITION BY RANGE (id);
CREATE TABLE crier.analytics_event_default PARTITION OF crier.analytics_event DEFAULT;

-- The sums of each batch of events, added in the transaction that records them, until crier.roll_up_analytics() moves them into the
-- hours and days. So an event is in exactly one place as anybody sees it, however late its transaction commits.
CREATE TABLE crier.analytics_delta (
    id           uuid        PRIMARY KEY,
    workspace_id uuid        NOT NULL,
    hour         timestamptz NOT NULL,
    kind         text        NOT NULL,
    platform     text        NOT NULL,
    -- zero: none
    account_id   uuid        NOT NULL,
    events       bigint      NOT NULL,
    value        numeric     NOT NULL
);
CREATE INDEX analytics_delta_workspace ON crier.analytics_delta (workspace_id, hour);

CREATE TABLE crier.analytics_hour (
    workspace_id uuid        NOT NULL,
    starts_at    timestamptz NOT NULL,
    kind         text        NOT NULL,
    platform     text        NOT NULL,
    account_id   uuid        NOT NULL,
    events       bigint      NOT NULL,
    value        numeric     NOT NULL,
    PRIMARY KEY (workspace_id, starts_at, kind, platform, account_id)
) PARTITION BY RANGE (starts_at);
CREATE TABLE crier.analytics_hour_default PARTITION OF crier.analytics_hour DEFAULT;

CREATE TABLE crier.analytics_day (
    workspace_id uuid        NOT NULL,
    starts_at    timestamptz NOT NULL,
    kind         text        NOT NULL,
    platform     text        NOT NULL,
    account_id   uuid        NOT NULL,
    events       bigint      NOT NULL,
    value        numeric     NOT NULL,
    PRIMARY KEY (workspace_id, starts_at, kind, platform, account_id)
) PARTITION BY RANGE (starts_at);
CREATE TABLE crier.analytics_day_default PARTITION OF crier.analytics_day DEFAULT;

-- The kinds that a workspace has brought: sums are kept for each, some of them for ever.
CREATE TABLE crier.analytics_kind (
    workspace_id uuid NOT NULL REFERENCES crier.workspace (id) ON DELETE CASCADE,
    kind         text NOT NULL,
    PRIMARY KEY (workspace_id, kind)
);

INSERT INTO crier.tenant_limit (name, max, about) VALUES
    ('analytics_kinds_per_workspace', 200, 'kinds of analytics events that a workspace has: sums are kept for each');

DO $do$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['analytics_event', 'analytics_event_default', 'analytics_delta', 'analytics_hour',
                             'analytics_hour_default', 'analytics_day', 'analytics_day_default', 'analytics_kind'] LOOP
        EXECUTE format('ALTER TABLE crier.%I ENABLE ROW LEVEL SECURITY', t);
    END LOOP;
END
$do$;

INSERT INTO crier.maintenance_setting (name, value, about) VALUES
    ('keep_analytics_events', '90 days', 'analytics events one by one; whole months: at least this long'),
    ('keep_analytics_hours', '62 days', 'their sums by hour; whole months: at least this long'),
    ('keep_analytics_days', NULL, 'their sums by day; whole months; null: for ever');
INSERT INTO crier.maintenance_task (task, place, every) VALUES
    ('cleanup_old_analytics_events', 23, '1 hour'),
    ('roll_up_analytics', 28, '1 minute');
INSERT INTO crier.maintenance_lock (task) VALUES ('cleanup_old_analytics_events'), ('roll_up_analytics');

-- When the figures of published posts are read by themselves: so long after they were published. A platform that is not here is
-- read only when somebody asks. Changed with UPDATE, INSERT and DELETE. X is not here: each reading costs.
CREATE TABLE crier.metrics_plan (
    platform text       PRIMARY KEY CHECK (char_length(platform) BETWEEN 1 AND 60),
    after    interval[] NOT NULL CHECK (cardinality(after) BETWEEN 1 AND 24 AND '1 minute' <= ALL (after) AND '1 year' >= ALL (after))
);
INSERT INTO crier.metrics_plan (platform, after)
SELECT p, '{1 hour, 6 hours, 24 hours, 3 days, 7 days, 30 days}'
FROM unnest(ARRAY['bluesky', 'devto', 'discord', 'facebook', 'instagram', 'lemmy', 'linkedin', 'mastodon', 'misskey', 'pinterest',
                  'reddit', 'slack', 'threads', 'tiktok', 'wordpress', 'youtube']) AS p;

-- Up to which post each of these readings has come: the time and the id of the event that tells of it.
CREATE TABLE crier.metrics_reading (
    after    interval    PRIMARY KEY,
    read_at  timestamptz NOT NULL,
    event_id uuid        NOT NULL
);

-- A workspace may do without.
ALTER TABLE crier.workspace ADD COLUMN reads_metrics boolean NOT NULL DEFAULT true;

ALTER TABLE crier.metrics_plan    ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.metrics_reading ENABLE ROW LEVEL SECURITY;
INSERT INTO crier.maintenance_task (task, place, every) VALUES ('schedule_readings', 45, '5 minutes');
INSERT INTO crier.maintenance_lock (task) VALUES ('schedule_readings');

-- What each user has published in a workspace, worked out now and then: crier.refresh_user_statistics_cache().
CREATE TABLE crier.user_statistic (
    workspace_id uuid        NOT NULL REFERENCES crier.workspace (id) ON DELETE CASCADE,
    user_id      uuid        NOT NULL,
    posts        bigint      NOT NULL,
    -- before they are planned
    drafts       bigint      NOT NULL,
    -- targets
    scheduled    bigint      NOT NULL,
    published    bigint      NOT NULL,
    failed       bigint      NOT NULL,
    unconfirmed  bigint      NOT NULL,
    canceled     bigint      NOT NULL,
    last_post_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, user_id)
);
-- As of when: a workspace in which nothing has happened since then is not looked at again.
CREATE TABLE crier.user_statistic_refresh (
    workspace_id uuid        PRIMARY KEY REFERENCES crier.workspace (id) ON DELETE CASCADE,
    refreshed_at timestamptz NOT NULL
);
ALTER TABLE crier.user_statistic         ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.user_statistic_refresh ENABLE ROW LEVEL SECURITY;
INSERT INTO crier.maintenance_task (task, place, every) VALUES ('refresh_user_statistics_cache', 64, '1 hour');
INSERT INTO crier.maintenance_lock (task) VALUES ('refresh_user_statistics_cache');
