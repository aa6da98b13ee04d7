-- The queue: an append-only log. A job is inserted once; what happens to it is appended beside it. Nothing here is
-- updated or deleted by the work itself, so no dead rows come to be, however old the oldest snapshot is. What changes
-- (who holds what, what is due next) is in shared memory and can be rebuilt from these tables at any time.
-- Partitions are days, by the time in the job's id (a UUIDv7), so that a job and all that is said of it go together.
-- Not an interface: use the functions and the view crier.jobs.

CREATE TABLE crier.job (
    id           uuid        NOT NULL,
    workspace_id uuid,
    user_id      uuid,
    account_id   uuid,
    platform     text,
    kind         text        NOT NULL,
    params       jsonb       NOT NULL,
    priority     integer     NOT NULL,
    run_at       timestamptz NOT NULL,
    expires_at   timestamptz,
    dedupe_key   text,
    max_attempts integer     NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE INDEX job_workspace ON crier.job (workspace_id, id) WHERE workspace_id IS NOT NULL;
CREATE INDEX job_user ON crier.job (user_id, id) WHERE user_id IS NOT NULL;

-- How a job ended: at most one row. Its key is what makes a second outcome impossible.
CREATE TABLE crier.job_outcome (
    id           uuid        NOT NULL,
    workspace_id uuid,
    state        text        NOT NULL CHECK (state IN ('completed', 'failed', 'canceled')),
    run_at       timestamptz NOT NULL,
    attempt      integer     NOT NULL,
    lost_leases  integer     NOT NULL,
    -- of the claim that ended it
    token        bigint,
    result       jsonb,
    error        jsonb,
    finished_at  timestamptz NOT NULL,
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);
-- The dead letters.
CREATE INDEX job_outcome_failed ON crier.job_outcome (id) WHERE state = 'failed';
CREATE INDEX job_outcome_failed_workspace ON crier.job_outcome (workspace_id, id)
    WHERE state = 'failed' AND workspace_id IS NOT NULL;

-- Back to the queue: a retry, a snooze, a lost lease. The newest row of a job counts.
CREATE TABLE crier.job_retry (
    id           uuid        NOT NULL,
    retried_at   timestamptz NOT NULL,
    workspace_id uuid,
    run_at       timestamptz NOT NULL,
    attempt      integer     NOT NULL,
    lost_leases  integer     NOT NULL,
    error        jsonb,
    -- the account whose next login it waits for
    parked_for   uuid,
    PRIMARY KEY (id, retried_at)
) PARTITION BY RANGE (id);
CREATE INDEX job_retry_parked ON crier.job_retry (parked_for) WHERE parked_for IS NOT NULL;

-- Progress that a worker reported: the one thing that is overwritten, and only for jobs that report any.
CREATE TABLE crier.job_progress (
    id           uuid        NOT NULL,
    workspace_id uuid,
    progress     jsonb       NOT NULL,
    reported_at  timestamptz NOT NULL,
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);

-- Who was given what: one row per claim, whatever the number of jobs. With it leases, tokens and attempts survive a
-- crash. Times are microseconds since 2000. A token is the time of its claim; one that is kept up for many hours is
-- written down again later.
CREATE TABLE crier.job_claim (
    recorded_at      bigint      NOT NULL,
    token            bigint      NOT NULL,
    worker           text        NOT NULL,
    lease_expires_at timestamptz NOT NULL,
    job_ids          uuid[]      NOT NULL,
    attempts         integer[]   NOT NULL
) PARTITION BY RANGE (recorded_at);
CREATE INDEX job_claim_recorded ON crier.job_claim (recorded_at);
-- Ids hardly compress.
ALTER TABLE crier.job_claim ALTER COLUMN job_ids SET STORAGE EXTERNAL;

CREATE TABLE crier.job_default          PARTITION OF crier.job DEFAULT;
CREATE TABLE crier.job_outcome_default  PARTITION OF crier.job_outcome DEFAULT;
CREATE TABLE crier.job_retry_default    PARTITION OF crier.job_retry DEFAULT;
CREATE TABLE crier.job_progress_default PARTITION OF crier.job_progress DEFAULT;
CREATE TABLE crier.job_claim_default    PARTITION OF crier.job_claim DEFAULT;

-- When work that is not near falls due: read by a cursor that only goes forward.
CREATE TABLE crier.job_scheduled (
    run_at timestamptz NOT NULL,
    id     uuid        NOT NULL,
    PRIMARY KEY (run_at, id)
);

-- The dedupe keys of unfinished jobs. Two tenants may use the same key; the nil uuid stands for "no workspace".
CREATE TABLE crier.job_key (
    workspace_id uuid        NOT NULL,
    kind         text        NOT NULL,
    dedupe_key   text        NOT NULL,
    job_id       uuid        NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, kind, dedupe_key)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);
CREATE INDEX job_key_job ON crier.job_key (job_id);

-- What is stopped for now. An empty name with scope 'all' stops everything.
CREATE TABLE crier.pause (
    scope     text        NOT NULL CHECK (scope IN ('all', 'kind', 'platform', 'account', 'workspace')),
    name      text        NOT NULL,
    reason    text,
    paused_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (scope, name),
    CHECK ((scope = 'all') = (name = ''))
);

-- How jobs of a kind are retried, and how many a user may have unfinished; what is null follows the default.
CREATE TABLE crier.job_kind (
    kind         text     PRIMARY KEY CHECK (char_length(kind) BETWEEN 1 AND 100),
    max_attempts integer  CHECK (max_attempts BETWEEN 1 AND 100),
    first_delay  interval CHECK (first_delay > '0' AND first_delay <= '1 day'),
    max_delay    interval CHECK (max_delay > '0' AND max_delay <= '30 days'),
    jitter       boolean  NOT NULL DEFAULT false,
    user_limit   integer  CHECK (user_limit > 0)
);
-- What a person does by hand, one at a time.
INSERT INTO crier.job_kind (kind, user_limit)
VALUES ('like', 10), ('comment', 10), ('follow', 10), ('send_dm', 10), ('process_media', 10);

DO $do$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['job', 'job_outcome', 'job_retry', 'job_progress', 'job_claim'] LOOP
        EXECUTE format('ALTER TABLE crier.%I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE crier.%I ENABLE ROW LEVEL SECURITY', t || '_default');
    END LOOP;
    FOREACH t IN ARRAY ARRAY['job_scheduled', 'job_key', 'pause', 'job_kind'] LOOP
        EXECUTE format('ALTER TABLE crier.%I ENABLE ROW LEVEL SECURITY', t);
    END LOOP;
END
$do$;
