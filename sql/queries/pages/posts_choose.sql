-- Those of these posts that are in the state, in the same order. LIMIT: see jobs_items.sql.
SELECT i.id
FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, place)
CROSS JOIN LATERAL (SELECT v.state FROM crier.posts v WHERE v.id = i.id LIMIT 1) p
WHERE $2::text IS NULL OR p.state = $2
ORDER BY i.place
