-- What workers say about their jobs: one row a line, inserted once and never changed, in partitions by day by the time
-- in the line's id (a UUIDv7). Not an interface: use the functions and the view crier.job_logs.
-- Each index here is paid for by every line on the open day. What only a search needs stands on days that are over:
-- see crier.index_history().
CREATE TABLE crier.job_log (
    id           uuid        NOT NULL,
    job_id       uuid        NOT NULL,
    workspace_id uuid,
    level        text        NOT NULL CHECK (level IN ('debug', 'info', 'warning', 'error')),
    message      text        NOT NULL,
    metadata     jsonb       NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);
-- The log of a job, the newest line first.
CREATE INDEX job_log_job ON crier.job_log (job_id, id);
-- That of a workspace: row security leaves a tenant nothing else to walk by.
CREATE INDEX job_log_workspace ON crier.job_log (workspace_id, id) WHERE workspace_id IS NOT NULL;
-- Errors and warnings, of all or of a workspace; other lines do not pay for these.
CREATE INDEX job_log_problem ON crier.job_log (id) WHERE level IN ('warning', 'error');
CREATE INDEX job_log_problem_workspace ON crier.job_log (workspace_id, id)
    WHERE level IN ('warning', 'error') AND workspace_id IS NOT NULL;

CREATE TABLE crier.job_log_default PARTITION OF crier.job_log DEFAULT;
ALTER TABLE crier.job_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.job_log_default ENABLE ROW LEVEL SECURITY;

-- The jobs of a user with their workspaces, so that whose they are is known without a look at each row: at ten million
-- jobs the thousand of a user lie on a thousand pages.
DROP INDEX crier.job_user;
CREATE INDEX job_user ON crier.job (user_id, id) INCLUDE (workspace_id) WHERE user_id IS NOT NULL;

INSERT INTO crier.maintenance_setting (name, value, about) VALUES
    ('keep_job_log', '30 days', 'lines of the job log, whole days of them; null: for ever');
INSERT INTO crier.maintenance_task (task, place, every) VALUES ('index_history', 85, '1 hour');
INSERT INTO crier.maintenance_lock (task) VALUES ('index_history');

-- Events of all workspaces, the newest first.
CREATE INDEX event_id ON crier.event (id);
