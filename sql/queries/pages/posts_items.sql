-- These rows of crier.posts as an array of objects, in the same order.
SELECT coalesce(jsonb_agg(to_jsonb(r) ORDER BY i.place), '[]')
FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, place)
CROSS JOIN LATERAL (SELECT v.* FROM crier.posts v WHERE v.id = i.id) r
