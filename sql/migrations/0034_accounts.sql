-- Accounts that are disconnected, and accounts that rest until somebody resumes them.

ALTER TABLE crier.social_account
    -- what was published with it still names it, and connecting it again brings it back with its id
    ADD COLUMN deleted_at timestamptz,
    -- generations up to this one are used up: a renewal that was under way stores nothing beside the next login
    ADD COLUMN past_generation bigint NOT NULL DEFAULT 0;

-- A pause is a block without an end, which only crier.resume_account() lifts.
ALTER TABLE crier.limit_block
    DROP CONSTRAINT limit_block_set_by_check,
    ADD CONSTRAINT limit_block_set_by_check CHECK (set_by IN ('platform', 'operator', 'member', 'pause'));
