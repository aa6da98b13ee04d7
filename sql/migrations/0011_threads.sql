-- Threads: what is published with an account as several parts, one after the other. Each part is a target of its own.

-- What follows the post itself: an array of {"content": …, "media": […]}. Null: nothing.
ALTER TABLE crier.post ADD COLUMN thread jsonb;

ALTER TABLE crier.post_target
    -- the post itself is part 0
    ADD COLUMN part     integer NOT NULL DEFAULT 0 CHECK (part BETWEEN 0 AND 100),
    -- the part that this one answers; it waits for the one before it
    ADD COLUMN answers  integer CHECK (answers >= 0 AND answers < part),
    -- a text that the post does not have: a piece of one that was split, or the first comment
    ADD COLUMN content  text,
    -- another part waits for this one
    ADD COLUMN has_next boolean NOT NULL DEFAULT false,
    -- a part that waits has no job yet
    ALTER COLUMN job_id DROP NOT NULL,
    DROP CONSTRAINT post_target_state_check,
    ADD CONSTRAINT post_target_state_check
        CHECK (state IN ('waiting', 'scheduled', 'queued', 'preparing', 'committing', 'published', 'failed', 'unknown',
                         'unconfirmed', 'canceled')),
    ADD CONSTRAINT post_target_answers_another CHECK ((part = 0) = (answers IS NULL)),
    ADD CONSTRAINT post_target_has_job CHECK (job_id IS NOT NULL OR state IN ('waiting', 'canceled')),
    ADD UNIQUE (workspace_id, post_id, account_id, part),
    DROP CONSTRAINT post_target_workspace_id_post_id_account_id_key;

-- What a platform counts as a comment, published in the same way as a post.
INSERT INTO crier.job_kind AS k (kind, action) VALUES ('publish_comment', 'comment')
ON CONFLICT (kind) DO UPDATE SET action = coalesce(k.action, excluded.action);

UPDATE crier.maintenance_setting
SET about = 'failed jobs of posts, which can be retried till then and not purged: the post itself has the outcome'
WHERE name = 'keep_failed_posts';
