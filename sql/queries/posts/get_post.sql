SELECT jsonb_build_object(
           'id', p.id, 'workspace_id', p.workspace_id, 'author_id', p.author_id, 'content', p.content,
           'media', p.media, 'thread', coalesce(p.thread, '[]'), 'first_comment', p.first_comment, 'split', p.split,
           'settings', p.settings, 'variants', coalesce(p.variants, '{}'), 'accounts', to_jsonb(p.accounts), 'priority', p.priority,
           'tags', to_jsonb(ARRAY(SELECT g.tag FROM crier.post_tag g
                                  WHERE g.workspace_id = p.workspace_id AND g.post_id = p.id ORDER BY g.tag)),
           'scheduled_at', p.scheduled_at, 'next_slot', p.next_slot, 'schedule_id', p.schedule_id, 'created_at', p.created_at, 'updated_at', coalesce(p.updated_at, p.created_at),
           'deleted_at', p.deleted_at, 'stage', p.stage,
           'state', CASE WHEN p.stage = 'scheduled' THEN crier.post_state(array_agg(t.state)) ELSE p.stage END,
           'targets', coalesce(jsonb_agg(jsonb_build_object(
               'id', t.id, 'account_id', t.account_id, 'platform', t.platform, 'handle', a.handle, 'part', t.part,
               'answers', t.answers, 'content', t.content, 'media', t.media, 'settings', t.settings, 'state', t.state,
               'due_at', t.due_at, 'url', t.url, 'external_id', t.external_id, 'error', t.error, 'attempts', t.attempts,
               'published_at', t.published_at, 'deleted_at', t.deleted_at,
               'metrics', (SELECT jsonb_build_object('views', m.views, 'likes', m.likes, 'replies', m.replies,
                                                     'shares', m.shares, 'read_at', m.read_at)
                           FROM crier.post_metrics m WHERE m.workspace_id = t.workspace_id AND m.target_id = t.id))
               ORDER BY t.id) FILTER (WHERE t.id IS NOT NULL), '[]'))
FROM crier.post p
LEFT JOIN crier.post_target t ON t.workspace_id = p.workspace_id AND t.post_id = p.id
LEFT JOIN crier.social_account a ON a.workspace_id = t.workspace_id AND a.id = t.account_id
WHERE p.id = $1 AND ($2::uuid[] IS NULL OR p.workspace_id = ANY ($2))
GROUP BY p.workspace_id, p.id
