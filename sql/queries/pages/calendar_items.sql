-- These posts of a workspace as a calendar shows them, in the order of their times. LIMIT has each looked up by its id.
SELECT i.at, p.id, p.schedule_id, CASE WHEN p.stage = 'scheduled' THEN crier.post_state(t.states) ELSE p.stage END,
       left(p.content, 200), a.accounts,
       ARRAY(SELECT g.tag FROM crier.post_tag g WHERE g.workspace_id = p.workspace_id AND g.post_id = p.id ORDER BY g.tag),
       CASE WHEN jsonb_typeof(p.media) = 'array' THEN jsonb_array_length(p.media) ELSE 0 END
FROM unnest($2::uuid[], $3::timestamptz[]) AS i (id, at)
CROSS JOIN LATERAL (SELECT * FROM crier.post t WHERE t.workspace_id = $1 AND t.id = i.id LIMIT 1) p
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(t.state), '{}') AS states
    FROM crier.post_target t
    WHERE t.workspace_id = p.workspace_id AND t.post_id = p.id
) t
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'account_id', a.id, 'platform', a.platform, 'handle', a.handle, 'state', coalesce(o.state, p.stage),
               'url', o.url, 'due_at', coalesce(o.due_at, p.scheduled_at)) ORDER BY n.place), '[]') AS accounts
    FROM unnest(p.accounts) WITH ORDINALITY AS n (id, place)
    JOIN crier.social_account a ON a.workspace_id = p.workspace_id AND a.id = n.id
    LEFT JOIN LATERAL (
        SELECT crier.post_state(array_agg(s.state)) AS state, min(s.url) FILTER (WHERE s.part = 0) AS url,
               min(s.due_at) FILTER (WHERE s.part = 0) AS due_at
        FROM crier.post_target s
        WHERE s.workspace_id = p.workspace_id AND s.post_id = p.id AND s.account_id = n.id
        HAVING count(*) > 0
    ) o ON true
) a
ORDER BY i.at, p.id
