-- These posts, in the same order. LIMIT: see jobs_items.sql.
SELECT v.id, v.workspace_id, v.author_id, v.state, v.content, v.media, v.accounts, v.tags, v.priority, v.scheduled_at, v.created_at,
       v.updated_at, v.targets, v.published, v.failed, v.unconfirmed, v.urls
FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, place)
CROSS JOIN LATERAL (SELECT * FROM crier.posts v WHERE v.id = i.id LIMIT 1) v
ORDER BY i.place
