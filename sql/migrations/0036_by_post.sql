-- What belongs to a post is found by the post. Each table has several indexes that begin with the workspace, and row-level security
-- names the workspace a second time: the planner then takes a workspace for a row or none, every such index for as good as the next,
-- and may read all targets of a large workspace for each of its posts. An index that begins with the post is never mistaken.
ALTER TABLE crier.post_target
    ADD CONSTRAINT post_target_of_post UNIQUE (post_id, account_id, part, workspace_id),
    DROP CONSTRAINT post_target_workspace_id_post_id_account_id_part_key;
CREATE INDEX post_tag_of_post ON crier.post_tag (post_id, workspace_id, tag);
DROP INDEX crier.post_tag_post;
