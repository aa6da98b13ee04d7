-- Statistics: sums of what happened, by minute, hour and day. Rows are only added; what the work itself does touches none
-- of them. Not an interface: use the functions of docs/statistics.md.

-- Finds what ended lately. Outcomes are appended in the order in which jobs end, so a few bytes for every 32 pages are enough,
-- and an insert pays next to nothing.
CREATE INDEX job_outcome_finished ON crier.job_outcome USING brin (finished_at) WITH (pages_per_range = 32, autosummarize = on);

-- How jobs ended within a span of time. A minute may have several rows: what was summed up at once.
CREATE TABLE crier.job_stat (
    span          text        NOT NULL CHECK (span IN ('minute', 'hour', 'day')),
    starts_at     timestamptz NOT NULL,
    kind          text        NOT NULL,
    -- empty: none
    platform      text        NOT NULL,
    completed     bigint      NOT NULL,
    failed        bigint      NOT NULL,
    canceled      bigint      NOT NULL,
    -- attempts that all of them used up
    attempts      bigint      NOT NULL,
    -- those that a worker ended, and the microseconds they took from their claim on
    timed         bigint      NOT NULL,
    processing_us bigint      NOT NULL,
    -- sketches (crier_core::sketch) of these times, and of those from due to claimed
    processing    bytea,
    waiting       bytea
);
CREATE INDEX job_stat_time ON crier.job_stat (span, starts_at);

-- What workers took and ended.
CREATE TABLE crier.worker_stat (
    span      text        NOT NULL CHECK (span IN ('minute', 'hour', 'day')),
    starts_at timestamptz NOT NULL,
    worker    text        NOT NULL,
    claimed   bigint      NOT NULL,
    completed bigint      NOT NULL,
    failed    bigint      NOT NULL
);
CREATE INDEX worker_stat_time ON crier.worker_stat (span, starts_at);

-- Up to when everything is summed up: one row.
CREATE TABLE crier.stat_state (
    one            boolean     PRIMARY KEY DEFAULT true CHECK (one),
    begun_at       timestamptz NOT NULL,
    closed_until   timestamptz NOT NULL,
    -- Before this time nothing ends any more, once all transactions with an id below this one are over.
    next_until     timestamptz,
    next_xid       bigint,
    rolled_up_at   timestamptz
);
INSERT INTO crier.stat_state (begun_at, closed_until) VALUES (date_trunc('minute', clock_timestamp()), date_trunc('minute', clock_timestamp()));

-- Dead letters that were purged or retried before their end was summed up: they did fail. Emptied by the next sums.
CREATE TABLE crier.job_undone (
    id          uuid        NOT NULL,
    kind        text        NOT NULL,
    platform    text,
    run_at      timestamptz NOT NULL,
    attempt     integer     NOT NULL,
    token       bigint,
    finished_at timestamptz NOT NULL
);

-- When crier.alerts() says something: above the threshold.
CREATE TABLE crier.alert_threshold (
    name      text             PRIMARY KEY,
    threshold double precision NOT NULL CHECK (threshold >= 0 AND threshold < 'infinity'),
    enabled   boolean          NOT NULL DEFAULT true,
    about     text             NOT NULL
);
INSERT INTO crier.alert_threshold (name, threshold, enabled, about)
VALUES ('pending_jobs',          1000, true,  'jobs that wait for their time or turn, retries included'),
       ('oldest_due_seconds',    300,  true,  'how long the first job in somebody''s line has been due'),
       ('average_processing_seconds', 300, true, 'average time from claim to end, last hour'),
       ('failure_rate',          0.1,  true,  'share of failed among completed and failed jobs, last hour'),
       ('waiting_p95_seconds',   2,    false, '95th percentile of the time from due to claimed, last hour; limits make jobs wait on purpose'),
       ('longest_running_minutes', 30, true,  'the longest that a job has been in a worker''s hands'),
       ('memory_used',           0.9,  true,  'share of crier.queue_capacity that is in use'),
       ('blocks',                0,    true,  'accounts, actions and servers that are blocked: rate limits that were hit, among others'),
       ('open_breakers',         0,    true,  'circuit breakers that are not closed'),
       ('reauth_required',       0,    true,  'accounts that need a new login'),
       ('expiring_logins',       0,    true,  'active accounts whose login ends within a day and can''t be renewed'),
       ('statistics_behind_seconds', 600, true, 'how far the sums are behind: nobody runs crier.roll_up_statistics()');

DO $do$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['job_stat', 'worker_stat', 'stat_state', 'job_undone', 'alert_threshold'] LOOP
        EXECUTE format('ALTER TABLE crier.%I ENABLE ROW LEVEL SECURITY', t);
    END LOOP;
    -- They have no key, and a table whose rows are deleted is replicated only with an identity.
    FOREACH t IN ARRAY ARRAY['job_stat', 'worker_stat', 'job_undone'] LOOP
        EXECUTE format('ALTER TABLE crier.%I REPLICA IDENTITY FULL', t);
    END LOOP;
END
$do$;
