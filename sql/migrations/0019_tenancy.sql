-- Workspaces are deleted in two steps: from deleted_at on one is nobody's; its rows go some at a time.
ALTER TABLE crier.workspace ADD COLUMN deleted_at timestamptz;
CREATE INDEX workspace_deleted ON crier.workspace (deleted_at) WHERE deleted_at IS NOT NULL;

-- Who may become a member, and as what. Nobody becomes one without saying so.
CREATE TABLE crier.workspace_invitation (
    workspace_id uuid        NOT NULL REFERENCES crier.workspace (id) ON DELETE CASCADE,
    user_id      uuid        NOT NULL,
    role         text        NOT NULL CHECK (role IN ('admin', 'editor', 'viewer')),
    invited_by   uuid,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, user_id)
);
CREATE INDEX workspace_invitation_user ON crier.workspace_invitation (user_id);
ALTER TABLE crier.workspace_invitation ENABLE ROW LEVEL SECURITY;

INSERT INTO crier.maintenance_task (task, place, every) VALUES ('purge_workspaces', 55, '1 minute');
INSERT INTO crier.maintenance_lock (task) VALUES ('purge_workspaces');
