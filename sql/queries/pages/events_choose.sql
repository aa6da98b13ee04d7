-- Those of these events that pass the filters, in the same order.
SELECT e.id
FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, place)
JOIN crier.event e ON e.id = i.id
WHERE ($2::text IS NULL OR e.kind = $2)
  AND ($3::uuid IS NULL OR e.post_id = $3)
  AND ($4::uuid IS NULL OR e.account_id = $4)
ORDER BY i.place
