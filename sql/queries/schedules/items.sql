-- These items as an array of objects, in the same order.
SELECT coalesce(jsonb_agg(to_jsonb(r) - '{workspace_id,accounts,turn}'::text[] ORDER BY i.place), '[]')
FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, place)
CROSS JOIN LATERAL (SELECT s.* FROM crier.schedule_item s WHERE s.workspace_id = $2 AND s.id = i.id LIMIT 1) r
