-- The jobs of a user with the same params, for the results that are kept: a user may have a great many jobs.
CREATE INDEX job_user_params ON crier.job (user_id, jsonb_hash(params)) WHERE user_id IS NOT NULL;

-- Days of the log that are dealt with: a start reads of them only the jobs named here, and those that were reopened.
CREATE TABLE crier.job_day (
    first_id   uuid        PRIMARY KEY,
    -- the first one of the next day
    end_id     uuid        NOT NULL,
    -- the jobs that were unfinished
    open       uuid[]      NOT NULL,
    noted_at   timestamptz NOT NULL
);

-- Jobs that became unfinished in a day that may be dealt with: dead ones that were retried, and those whose id was made
-- on an earlier day than they were added.
CREATE TABLE crier.job_reopened (
    id          uuid        NOT NULL,
    reopened_at timestamptz NOT NULL,
    PRIMARY KEY (id, reopened_at)
);

-- Claims that were recorded before are answered: a start reads the others.
CREATE TABLE crier.job_claim_mark (
    claims_from bigint PRIMARY KEY
);

ALTER TABLE crier.job_day        ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.job_reopened   ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.job_claim_mark ENABLE ROW LEVEL SECURITY;

-- It has no key, and a table whose rows are deleted is replicated only with an identity.
ALTER TABLE crier.installation REPLICA IDENTITY FULL;
