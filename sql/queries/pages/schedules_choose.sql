-- Those of these schedules that pass the filters, in the same order. LIMIT: see jobs_items.sql.
SELECT i.id
FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, place)
CROSS JOIN LATERAL (SELECT * FROM crier.schedule s WHERE s.id = i.id LIMIT 1) s
WHERE ($2::text IS NULL OR s.state = $2)
  AND ($3::text IS NULL OR s.kind = $3)
ORDER BY i.place
