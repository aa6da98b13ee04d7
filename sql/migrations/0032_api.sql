-- Requests that API servers have answered, by months, which go as a whole. Nothing of what was asked or answered is in them.
CREATE TABLE crier.api_metric (
    at       timestamptz      NOT NULL,
    endpoint text             NOT NULL CHECK (char_length(endpoint) BETWEEN 1 AND 200),
    method   text             NOT NULL CHECK (char_length(method) <= 20),
    status   integer          NOT NULL CHECK (status BETWEEN 100 AND 599),
    took_ms  double precision NOT NULL CHECK (took_ms >= 0 AND took_ms < 1e9),
    user_id  uuid
) PARTITION BY RANGE (at);
CREATE TABLE crier.api_metric_default PARTITION OF crier.api_metric DEFAULT;
-- They come in the order of their time, nearly.
CREATE INDEX api_metric_at ON crier.api_metric USING brin (at) WITH (pages_per_range = 32, autosummarize = on);

-- Answers that were slow to make. Nothing is lost that could not be made again: it is not in the WAL, empty after a crash, and in no
-- standby.
CREATE UNLOGGED TABLE crier.response_cache (
    -- service: of trusted callers; user, workspace: of that one alone
    scope      text        NOT NULL CHECK (scope IN ('service', 'user', 'workspace')),
    owner_id   uuid        NOT NULL,
    key        text        NOT NULL CHECK (char_length(key) BETWEEN 1 AND 500),
    -- null: it is being made for the first time
    value      jsonb,
    expires_at timestamptz NOT NULL,
    -- who makes it anew has until then
    made_until timestamptz,
    PRIMARY KEY (scope, owner_id, key)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX response_cache_expires ON crier.response_cache (expires_at);

-- How often the cache had what was asked for. Several rows, so that nobody waits for anybody.
CREATE UNLOGGED TABLE crier.cache_stat (
    shard  integer PRIMARY KEY,
    hits   bigint  NOT NULL,
    stale  bigint  NOT NULL,
    misses bigint  NOT NULL
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

INSERT INTO crier.tenant_limit (name, max, about) VALUES
    ('cache_entries', 1000, 'what a user, or a workspace, has in the response cache');
INSERT INTO crier.alert_threshold (name, threshold, enabled, about) VALUES
    ('api_error_rate', 0.05, true, 'share of 5xx among the answers of API servers, last hour'),
    ('api_slow_seconds', 2,  true, '95th percentile of the time they took, last hour');
INSERT INTO crier.maintenance_setting (name, value, about) VALUES
    ('keep_api_metrics', '30 days', 'requests that API servers have answered; whole months: at least this long');
INSERT INTO crier.maintenance_task (task, place, every) VALUES
    ('cleanup_old_metrics', 24, '1 hour'),
    ('cleanup_expired_cache', 62, '10 minutes');
INSERT INTO crier.maintenance_lock (task) VALUES ('cleanup_old_metrics'), ('cleanup_expired_cache');

-- They have no key, and rows of the default partition are deleted one by one.
ALTER TABLE crier.api_metric         REPLICA IDENTITY FULL;
ALTER TABLE crier.api_metric_default REPLICA IDENTITY FULL;
ALTER TABLE crier.api_metric         ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.api_metric_default ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.response_cache     ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.cache_stat         ENABLE ROW LEVEL SECURITY;
