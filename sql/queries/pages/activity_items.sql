-- These rows as an array of objects, in the same order. LIMIT: see jobs_items.sql.
SELECT coalesce(jsonb_agg(to_jsonb(r) ORDER BY i.place), '[]')
FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, place)
CROSS JOIN LATERAL (
    SELECT a.id, a.workspace_id, a.actor, a.user_id, a.action, a.object_type, a.object_id, a.changes, a.at
    FROM crier.activity_log a WHERE a.workspace_id = $2 AND a.id = i.id LIMIT 1
) r
