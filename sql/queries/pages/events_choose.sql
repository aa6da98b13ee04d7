-- Those of these events that pass the filters, in the same order. LIMIT: see jobs_items.sql.
SELECT i.id
FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, place)
CROSS JOIN LATERAL (SELECT * FROM crier.event e WHERE e.id = i.id LIMIT 1) e
WHERE ($2::text IS NULL OR e.kind = $2)
  AND ($3::uuid IS NULL OR e.post_id = $3)
  AND ($4::uuid IS NULL OR e.account_id = $4)
ORDER BY i.place
