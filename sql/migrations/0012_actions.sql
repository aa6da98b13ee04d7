-- What accounts do besides publishing: likes, follows, messages, and posts that are taken back. docs/actions.md draws the
-- states.
CREATE TABLE crier.account_action (
    workspace_id uuid        NOT NULL,
    id           uuid        NOT NULL,
    account_id   uuid        NOT NULL,
    platform     text        NOT NULL,
    -- of its job
    kind         text        NOT NULL CHECK (char_length(kind) BETWEEN 1 AND 100),
    -- the post or account, as the platform calls it
    subject      text        NOT NULL,
    -- what a message says
    text         text,
    -- the target that is taken back
    target_id    uuid,
    user_id      uuid,
    job_id       uuid        NOT NULL,
    state        text        NOT NULL DEFAULT 'waiting'
                 CHECK (state IN ('waiting', 'running', 'sending', 'done', 'failed', 'unconfirmed', 'canceled')),
    attempts     integer     NOT NULL DEFAULT 0,
    run_at       timestamptz NOT NULL,
    -- the last try
    started_at   timestamptz,
    -- when a message was written down as being sent, last
    sent_at      timestamptz,
    external_id  text,
    url          text,
    error        jsonb,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    finished_at  timestamptz,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, account_id) REFERENCES crier.social_account (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, target_id) REFERENCES crier.post_target (workspace_id, id) ON DELETE CASCADE,
    CHECK ((finished_at IS NOT NULL) = (state IN ('done', 'failed', 'unconfirmed', 'canceled')))
) WITH (fillfactor = 80);
CREATE INDEX account_action_id ON crier.account_action (id);
CREATE INDEX account_action_job ON crier.account_action (job_id);
CREATE INDEX account_action_account ON crier.account_action (workspace_id, account_id, id);
CREATE INDEX account_action_target ON crier.account_action (workspace_id, target_id) WHERE target_id IS NOT NULL;
CREATE INDEX account_action_finished ON crier.account_action (finished_at);

-- When a target was taken back from its platform.
ALTER TABLE crier.post_target ADD COLUMN deleted_at timestamptz;

-- How a post does, as it was read last. Null: the platform does not tell.
CREATE TABLE crier.post_metrics (
    workspace_id uuid        NOT NULL,
    target_id    uuid        NOT NULL,
    views        bigint,
    likes        bigint,
    replies      bigint,
    shares       bigint,
    read_at      timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, target_id),
    FOREIGN KEY (workspace_id, target_id) REFERENCES crier.post_target (workspace_id, id) ON DELETE CASCADE
) WITH (fillfactor = 80);

-- Limits, blocks and breakers hold for them as for posts. Where a platform names a figure for deletes, platform_limit has it.
INSERT INTO crier.job_kind AS k (kind, action) VALUES ('delete_post', 'delete'), ('read_metrics', 'read')
ON CONFLICT (kind) DO UPDATE SET action = coalesce(k.action, excluded.action);

INSERT INTO crier.maintenance_setting (name, value, about) VALUES
    ('keep_actions', '365 days', 'what accounts did besides publishing, from its end on');
INSERT INTO crier.maintenance_task (task, place, every) VALUES ('cleanup_old_actions', 75, '1 hour');
INSERT INTO crier.maintenance_lock (task) VALUES ('cleanup_old_actions');

ALTER TABLE crier.account_action ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.post_metrics   ENABLE ROW LEVEL SECURITY;
