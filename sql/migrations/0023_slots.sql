-- Lists of posts by account, and the slots of accounts.

-- The posts for an account, the newest first; and those that have no targets by which they could be found.
CREATE INDEX post_target_account_post ON crier.post_target (workspace_id, account_id, post_id) WHERE part = 0;
CREATE INDEX post_unplanned ON crier.post (workspace_id, id) WHERE stage <> 'scheduled' AND deleted_at IS NULL;

-- When an account likes to publish: times of the week in a zone.
CREATE TABLE crier.account_slots (
    workspace_id uuid        NOT NULL,
    account_id   uuid        NOT NULL,
    zone         text        NOT NULL,
    slots        jsonb       NOT NULL,
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, account_id),
    FOREIGN KEY (workspace_id, account_id) REFERENCES crier.social_account (workspace_id, id) ON DELETE CASCADE
);

-- Which post has which slot. The key is what keeps two from having the same one: who comes second waits until it is known whether the
-- first one has it.
CREATE TABLE crier.slot_booking (
    workspace_id uuid        NOT NULL,
    account_id   uuid        NOT NULL,
    at           timestamptz NOT NULL,
    post_id      uuid        NOT NULL,
    PRIMARY KEY (workspace_id, account_id, at),
    UNIQUE (workspace_id, post_id, account_id),
    FOREIGN KEY (workspace_id, account_id) REFERENCES crier.social_account (workspace_id, id) ON DELETE CASCADE,
    -- the slots of a post are found before it is stored, because they are its time
    FOREIGN KEY (workspace_id, post_id) REFERENCES crier.post (workspace_id, id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
-- The calendar: a post is there at the slot of each of its accounts.
CREATE INDEX slot_booking_at ON crier.slot_booking (workspace_id, at);

ALTER TABLE crier.account_slots ENABLE ROW LEVEL SECURITY;
ALTER TABLE crier.slot_booking ENABLE ROW LEVEL SECURITY;
