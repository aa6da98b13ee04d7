-- Those of these log lines that pass the filters, in the same order.
SELECT l.id
FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, place)
JOIN crier.job_log l ON l.id = i.id
WHERE ($2::text[] IS NULL OR l.level = ANY ($2))
  AND ($3::text IS NULL OR to_tsvector('simple', l.message) @@ websearch_to_tsquery('simple', $3))
  AND ($4::jsonb IS NULL OR l.metadata @> $4)
ORDER BY i.place
