-- Those of these posts that are in the state, in the same order.
SELECT p.id
FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, place)
CROSS JOIN LATERAL (SELECT v.id, v.state FROM crier.posts v WHERE v.id = i.id) p
WHERE $2::text IS NULL OR p.state = $2
ORDER BY i.place
