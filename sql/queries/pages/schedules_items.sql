-- These schedules as an array of objects, in the same order. LIMIT: see jobs_items.sql.
SELECT coalesce(jsonb_agg(to_jsonb(r) - '{cursor_at,cursor_wall,is_waiting}'::text[] ORDER BY i.place), '[]')
FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, place)
CROSS JOIN LATERAL (SELECT s.* FROM crier.schedule s WHERE s.id = i.id LIMIT 1) r
