-- These rows of crier.webhooks as an array of objects, in the same order. LIMIT: see events_items.sql.
SELECT coalesce(jsonb_agg(to_jsonb(r) ORDER BY i.place), '[]')
FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, place)
CROSS JOIN LATERAL (SELECT v.* FROM crier.webhooks v WHERE v.id = i.id LIMIT 1) r
