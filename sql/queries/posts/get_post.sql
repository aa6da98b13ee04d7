SELECT jsonb_build_object(
           'id', p.id, 'workspace_id', p.workspace_id, 'author_id', p.author_id, 'content', p.content,
           'media', p.media, 'thread', coalesce(p.thread, '[]'), 'settings', p.settings, 'scheduled_at', p.scheduled_at, 'created_at', p.created_at,
           'state', crier.post_state(array_agg(t.state)),
           'targets', jsonb_agg(jsonb_build_object(
               'id', t.id, 'account_id', t.account_id, 'platform', t.platform, 'handle', a.handle, 'part', t.part,
               'answers', t.answers, 'content', t.content, 'state', t.state,
               'url', t.url, 'external_id', t.external_id, 'error', t.error, 'attempts', t.attempts,
               'published_at', t.published_at, 'deleted_at', t.deleted_at,
               'metrics', (SELECT jsonb_build_object('views', m.views, 'likes', m.likes, 'replies', m.replies,
                                                     'shares', m.shares, 'read_at', m.read_at)
                           FROM crier.post_metrics m WHERE m.workspace_id = t.workspace_id AND m.target_id = t.id))
               ORDER BY t.id))
FROM crier.post p
JOIN crier.post_target t ON t.workspace_id = p.workspace_id AND t.post_id = p.id
JOIN crier.social_account a ON a.workspace_id = t.workspace_id AND a.id = t.account_id
WHERE p.id = $1 AND ($2::uuid[] IS NULL OR p.workspace_id = ANY ($2))
GROUP BY p.workspace_id, p.id
