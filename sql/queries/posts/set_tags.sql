-- The tags of a post are these.
WITH old AS (
    DELETE FROM crier.post_tag WHERE workspace_id = $1 AND post_id = $2 AND tag <> ALL ($3::text[])
)
INSERT INTO crier.post_tag (workspace_id, tag, post_id)
SELECT $1, t.tag, $2 FROM unnest($3::text[]) AS t (tag)
ON CONFLICT DO NOTHING
