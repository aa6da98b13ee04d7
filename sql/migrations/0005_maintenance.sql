-- What is done now and then, how long things are kept, and what was done.

-- How long things are kept, and when the queue mends itself. Null: for ever, or never. Changed with UPDATE.
CREATE TABLE crier.maintenance_setting (
    name  text     PRIMARY KEY,
    value interval CHECK (value > '0' AND value <= '100 years'),
    about text     NOT NULL
);
INSERT INTO crier.maintenance_setting (name, value, about) VALUES
    ('keep_finished_jobs', '7 days', 'completed and canceled jobs, from their end on'),
    ('keep_failed_jobs', NULL, 'dead letters, from their end on; null: until somebody retries or purges them'),
    ('keep_failed_posts', '90 days', 'failed jobs of posts, which can be neither retried nor purged: the post itself has the outcome'),
    ('keep_claims', '7 days', 'which worker had which job; two days at least'),
    ('keep_events', '365 days', 'what crier.events shows'),
    ('keep_maintenance_log', '30 days', 'what crier.maintenance_log shows'),
    ('expire_pending_after', '24 hours', 'waiting jobs that nobody took for so long after they were due fail; jobs of posts never do'),
    ('retry_failed_after', '1 hour', 'dead letters whose last error was a passing one run again, so long after they failed; null: never'),
    ('retry_failed_for', '1 day', 'until so long after they were due first'),
    ('stuck_after', '30 minutes', 'jobs that run for longer are shown as stuck'),
    ('sidecar_waits_for_cron', '10 minutes', 'crierd does what is due if pg_cron has not for so long; null: it never does');

-- What is due when. The functions are in sql/install/; run_maintenance knows which is meant.
CREATE TABLE crier.maintenance_task (
    task        text        PRIMARY KEY,
    -- those that lock tables come first, while nobody waits for anything else
    place       integer     NOT NULL,
    -- null: not by itself
    every       interval    CHECK (every >= '1 minute' AND every <= '1 year'),
    due_at      timestamptz NOT NULL DEFAULT '-infinity',
    last_run_at timestamptz,
    last_error  text
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
INSERT INTO crier.maintenance_task (task, place, every) VALUES
    ('ensure_partitions', 10, '1 hour'),
    ('drop_old_days', 20, '1 hour'),
    ('expire_pending_jobs', 30, '10 minutes'),
    ('retry_failed_jobs', 40, '5 minutes'),
    ('cleanup_finished_jobs', 50, '10 minutes'),
    ('cleanup_leftovers', 60, '1 hour'),
    ('cleanup_old_events', 70, '1 hour'),
    ('cleanup_maintenance_log', 80, '1 day'),
    ('watch', 90, '15 minutes');

-- Who is at a task has its row locked.
CREATE TABLE crier.maintenance_lock (
    task text PRIMARY KEY
);
INSERT INTO crier.maintenance_lock (task) SELECT task FROM crier.maintenance_task UNION ALL SELECT 'run_maintenance';

-- Who did it last: pg_cron, crierd, or a person.
CREATE TABLE crier.maintenance_runner (
    runner      text        PRIMARY KEY,
    last_run_at timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

CREATE TABLE crier.maintenance_run (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task       text        NOT NULL,
    runner     text        NOT NULL,
    started_at timestamptz NOT NULL,
    took       interval    NOT NULL,
    did        jsonb,
    error      text
);
CREATE INDEX maintenance_run_started ON crier.maintenance_run (started_at);
CREATE INDEX maintenance_run_task ON crier.maintenance_run (task, id);

-- Events are cleaned up by age, a tenant or not; the key begins with the tenant.
CREATE INDEX event_created ON crier.event (created_at);

ALTER TABLE crier.maintenance_setting ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.maintenance_task    ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.maintenance_lock    ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.maintenance_runner  ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.maintenance_run     ENABLE ROW LEVEL SECURITY;
