-- Schedules: when posts come into being by themselves.

CREATE TABLE crier.schedule (
    workspace_id uuid        NOT NULL REFERENCES crier.workspace (id) ON DELETE CASCADE,
    id           uuid        NOT NULL,
    author_id    uuid,
    name         text        CHECK (char_length(name) <= 200),
    kind         text        NOT NULL CHECK (kind IN ('single', 'recurring', 'evergreen')),
    state        text        NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'ended')),
    -- what each post is made of; an item of an evergreen schedule has its own in the place of it
    template     jsonb       NOT NULL,
    -- wall times in the zone; the rule is one of RFC 5545, or the plain form as JSON
    rule         text,
    starts       timestamp   NOT NULL,
    zone         text        NOT NULL,
    ends         timestamp,
    exceptions   text[]      NOT NULL DEFAULT '{}',
    additions    text[]      NOT NULL DEFAULT '{}',
    -- what becomes of occurrences that nobody made in time
    missed       text        NOT NULL CHECK (missed IN ('catch_up', 'skip', 'latest')),
    priority     integer     NOT NULL DEFAULT 0 CHECK (priority BETWEEN -100 AND 100),
    -- an item, and an account, is left alone for so long after each use
    item_rest    interval,
    account_rest interval,
    -- the next occurrence, and up to where it is decided what became of them
    next_at      timestamptz,
    cursor_at    timestamptz NOT NULL,
    cursor_wall  timestamp,
    -- the last look, ahead of the time, found nothing that could be made: the next one is when the time has come
    is_waiting   boolean     NOT NULL DEFAULT false,
    -- the first occurrence in a row that had nothing to publish
    empty_since  timestamptz,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT schedule_has_its_rule CHECK (rule IS NOT NULL OR kind = 'single'),
    CONSTRAINT schedule_has_its_time CHECK ((state = 'active') = (next_at IS NOT NULL))
);
CREATE UNIQUE INDEX schedule_id ON crier.schedule (id);
-- What crier.run_due() looks for.
CREATE INDEX schedule_due ON crier.schedule (is_waiting, next_at) WHERE state = 'active';

-- What became of each occurrence. The key is what keeps one from being made twice.
CREATE TABLE crier.schedule_occurrence (
    workspace_id      uuid        NOT NULL,
    schedule_id       uuid        NOT NULL,
    occurs_at         timestamptz NOT NULL,
    state             text        NOT NULL CHECK (state IN ('made', 'failed', 'empty')),
    -- the post may be deleted since, and the item removed
    post_id           uuid,
    item_id           uuid,
    -- when the item had been used before
    item_used_before  timestamptz,
    accounts          uuid[],
    error             jsonb,
    created_at        timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, schedule_id, occurs_at),
    FOREIGN KEY (workspace_id, schedule_id) REFERENCES crier.schedule (workspace_id, id) ON DELETE CASCADE
);

-- The queue of an evergreen schedule.
CREATE TABLE crier.schedule_item (
    workspace_id uuid        NOT NULL,
    id           uuid        NOT NULL,
    schedule_id  uuid        NOT NULL,
    template     jsonb       NOT NULL,
    -- null: those of the schedule
    accounts     uuid[],
    weight       integer     NOT NULL CHECK (weight BETWEEN 1 AND 10),
    uses         bigint      NOT NULL DEFAULT 0,
    -- uses by weight: a use counts 2520 / weight, which is a whole number
    turn         bigint      NOT NULL,
    last_used_at timestamptz,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, schedule_id) REFERENCES crier.schedule (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX schedule_item_list ON crier.schedule_item (workspace_id, schedule_id, id);
-- Whose turn it is.
CREATE INDEX schedule_item_order ON crier.schedule_item (workspace_id, schedule_id, (uses > 0), turn, last_used_at NULLS FIRST, id);

-- When an account was last used by an evergreen schedule.
CREATE TABLE crier.schedule_account (
    workspace_id uuid        NOT NULL,
    schedule_id  uuid        NOT NULL,
    account_id   uuid        NOT NULL,
    last_used_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, schedule_id, account_id),
    FOREIGN KEY (workspace_id, schedule_id) REFERENCES crier.schedule (workspace_id, id) ON DELETE CASCADE
);

ALTER TABLE crier.schedule            ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.schedule_occurrence ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.schedule_item       ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.schedule_account    ENABLE ROW LEVEL SECURITY;

-- The schedule that made a post, which may have ended since.
ALTER TABLE crier.post ADD COLUMN schedule_id uuid;
