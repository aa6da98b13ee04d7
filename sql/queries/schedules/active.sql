-- The schedules of a workspace that go on, those for one account where one is named, with what a calendar shows of their posts.
-- The first columns: see take.sql.
SELECT s.workspace_id, s.id, s.author_id, s.name, s.kind, s.state, s.template, s.rule, s.starts, s.zone, s.ends, s.exceptions, s.additions,
       s.missed, s.priority, s.item_rest, s.account_rest, s.next_at, s.cursor_at, s.cursor_wall, s.empty_since,
       left(coalesce(s.template ->> 'content', s.name, ''), 200),
       coalesce((SELECT jsonb_agg(jsonb_build_object('account_id', a.id, 'platform', a.platform, 'handle', a.handle, 'state', 'planned',
                                                     'url', NULL, 'due_at', NULL) ORDER BY n.place)
                 FROM jsonb_array_elements_text(coalesce(s.template -> 'accounts', '[]')) WITH ORDINALITY AS n (id, place)
                 JOIN crier.social_account a ON a.workspace_id = s.workspace_id AND a.id = n.id::uuid), '[]'),
       ARRAY(SELECT jsonb_array_elements_text(coalesce(s.template -> 'tags', '[]'))),
       jsonb_array_length(coalesce(s.template -> 'media', '[]'))
FROM crier.schedule s
WHERE s.workspace_id = $1 AND s.state = 'active' AND ($2::uuid IS NULL OR s.template -> 'accounts' ? $2::text)
ORDER BY s.id
LIMIT $3
