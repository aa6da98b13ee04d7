-- Posts before their time: drafts, reviews, what is planned for later, and what an account has of its own.

-- The least role that approves posts; null: they need no approval.
ALTER TABLE crier.workspace ADD COLUMN approval text CHECK (approval IN ('admin', 'owner'));

ALTER TABLE crier.post
    ALTER COLUMN scheduled_at DROP NOT NULL,
    -- how far it has come before it is planned: what is not scheduled has no targets, but those that were out before an edit
    ADD COLUMN stage         text    NOT NULL DEFAULT 'scheduled' CHECK (stage IN ('draft', 'in_review', 'approved', 'scheduled')),
    ADD COLUMN accounts      uuid[]  NOT NULL DEFAULT '{}',
    -- by account: content, media, settings in the place of the post's
    ADD COLUMN variants      jsonb,
    ADD COLUMN first_comment text,
    ADD COLUMN split         boolean NOT NULL DEFAULT false,
    ADD COLUMN priority      integer NOT NULL DEFAULT 0 CHECK (priority BETWEEN -100 AND 100),
    -- each account at the next of its slots, not all at one time
    ADD COLUMN next_slot     boolean NOT NULL DEFAULT false,
    ADD COLUMN updated_at    timestamptz,
    -- taken off the lists; the row stays while platforms may have what it says
    ADD COLUMN deleted_at    timestamptz,
    ADD CONSTRAINT post_has_its_time CHECK (stage <> 'scheduled' OR scheduled_at IS NOT NULL);

ALTER TABLE crier.post_target
    ADD COLUMN due_at     timestamptz,
    ADD COLUMN is_comment boolean NOT NULL DEFAULT false,
    -- in the place of the post's
    ADD COLUMN media      jsonb,
    ADD COLUMN settings   jsonb,
    -- what is due later than in an hour has no job yet
    DROP CONSTRAINT post_target_has_job,
    ADD CONSTRAINT post_target_has_job CHECK (job_id IS NOT NULL OR state IN ('waiting', 'scheduled', 'canceled'));

UPDATE crier.post p
SET accounts = ARRAY(SELECT t.account_id FROM crier.post_target t
                     WHERE t.workspace_id = p.workspace_id AND t.post_id = p.id AND t.part = 0 ORDER BY t.id);
UPDATE crier.post_target t
SET due_at = p.scheduled_at
FROM crier.post p
WHERE p.workspace_id = t.workspace_id AND p.id = t.post_id AND t.part = 0;

-- What crier.run_due() looks for.
CREATE INDEX post_target_due ON crier.post_target (due_at) WHERE job_id IS NULL AND state = 'scheduled';
-- The calendar of a workspace, and the time line of a post.
CREATE INDEX post_calendar ON crier.post (workspace_id, scheduled_at) WHERE deleted_at IS NULL;
CREATE INDEX event_post ON crier.event (workspace_id, post_id, id) WHERE post_id IS NOT NULL;

CREATE TABLE crier.post_tag (
    workspace_id uuid NOT NULL,
    tag          text NOT NULL CHECK (char_length(tag) BETWEEN 1 AND 100),
    post_id      uuid NOT NULL,
    PRIMARY KEY (workspace_id, tag, post_id),
    FOREIGN KEY (workspace_id, post_id) REFERENCES crier.post (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX post_tag_post ON crier.post_tag (workspace_id, post_id);
ALTER TABLE crier.post_tag ENABLE ROW LEVEL SECURITY;

INSERT INTO crier.alert_threshold (name, threshold, enabled, about)
VALUES ('posts_without_jobs', 0, true, 'parts of posts that are due for a minute and have no job (1001 stands for more): nobody runs crier.run_due()');
