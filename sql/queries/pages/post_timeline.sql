-- What happened to a post, the first things first: events, and what its rows tell where the event is no longer kept.
SELECT h.at, h.kind, h.account_id, h.target_id, h.user_id, h.details
FROM (SELECT * FROM crier.post t WHERE t.id = $1 AND ($2::uuid[] IS NULL OR t.workspace_id = ANY ($2)) LIMIT 1) p
CROSS JOIN LATERAL (
    SELECT p.created_at AS at, p.id, 'post_created' AS kind, NULL::uuid AS account_id, NULL::uuid AS target_id,
           p.author_id AS user_id, '{}'::jsonb AS details
    UNION ALL
    (SELECT e.created_at, e.id, e.kind, e.account_id, e.target_id,
            coalesce(e.payload ->> 'user_id', e.payload ->> 'resolved_by')::uuid, e.payload - '{user_id,resolved_by}'::text[]
     FROM crier.event e
     WHERE e.workspace_id = p.workspace_id AND e.post_id = p.id
     ORDER BY e.id
     LIMIT $3)
    UNION ALL
    -- what was sent is written down first
    (SELECT t.intent_at, t.id, 'post_sending', t.account_id, t.id, NULL, jsonb_build_object('part', t.part, 'attempts', t.attempts)
     FROM crier.post_target t
     WHERE t.workspace_id = p.workspace_id AND t.post_id = p.id AND t.intent_at IS NOT NULL)
    UNION ALL
    (SELECT t.published_at, t.id, 'post_published', t.account_id, t.id, NULL,
            jsonb_strip_nulls(jsonb_build_object('state', t.state, 'url', t.url, 'external_id', t.external_id))
     FROM crier.post_target t
     WHERE t.workspace_id = p.workspace_id AND t.post_id = p.id AND t.published_at IS NOT NULL
       AND NOT EXISTS (SELECT FROM crier.event e
                       WHERE e.workspace_id = p.workspace_id AND e.post_id = p.id AND e.target_id = t.id AND e.kind = 'post_published'))
    UNION ALL
    (SELECT a.created_at, a.id, 'action_added', a.account_id, a.target_id, a.user_id,
            jsonb_build_object('action_id', a.id, 'kind', a.kind, 'state', a.state)
     FROM crier.post_target t
     JOIN crier.account_action a ON a.workspace_id = t.workspace_id AND a.target_id = t.id
     WHERE t.workspace_id = p.workspace_id AND t.post_id = p.id)
) h
ORDER BY h.at, h.id
LIMIT $3
