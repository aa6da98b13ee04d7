-- Who did what in a workspace: only added to. By months, because it is kept for a year and a month goes as a whole.
-- No foreign key: who deleted a workspace is told for as long as anything else.
CREATE TABLE crier.activity_log (
    workspace_id uuid        NOT NULL,
    -- a UUIDv7: it sorts by the time
    id           uuid        NOT NULL,
    -- user: an application user by their own rights; service: a trusted role, in whose name user_id says where that is known
    actor        text        NOT NULL CHECK (actor IN ('user', 'service')),
    user_id      uuid,
    action       text        NOT NULL CHECK (char_length(action) BETWEEN 1 AND 60),
    object_type  text        NOT NULL CHECK (char_length(object_type) BETWEEN 1 AND 60),
    object_id    uuid,
    -- which settings and states changed, never what a post says nor a secret
    changes      jsonb       NOT NULL,
    at           timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id)
) PARTITION BY RANGE (id);
CREATE TABLE crier.activity_log_default PARTITION OF crier.activity_log DEFAULT;

ALTER TABLE crier.activity_log         ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.activity_log_default ENABLE ROW LEVEL SECURITY;

INSERT INTO crier.maintenance_setting (name, value, about) VALUES
    ('keep_activity_log', '365 days', 'who did what in workspaces; whole months: at least this long');
INSERT INTO crier.maintenance_task (task, place, every) VALUES ('cleanup_old_activity_logs', 22, '1 hour');
INSERT INTO crier.maintenance_lock (task) VALUES ('cleanup_old_activity_logs');
