-- What is out, or may be, of these accounts keeps what it was made of when the post becomes another.
UPDATE crier.post_target t
SET content = CASE WHEN t.content IS NOT NULL THEN t.content
                   WHEN t.part = 0 THEN p.content
                   ELSE p.thread -> (t.part - 1) ->> 'content'
              END,
    media = coalesce(t.media, CASE WHEN t.part = 0 THEN p.media
                                   WHEN t.content IS NULL THEN p.thread -> (t.part - 1) -> 'media' END, '[]'),
    settings = coalesce(t.settings, p.settings -> t.platform, '{}')
FROM crier.post p
WHERE p.workspace_id = $1 AND p.id = $2 AND t.workspace_id = p.workspace_id AND t.post_id = p.id AND t.account_id = ANY ($3::uuid[])
