-- Those of these log lines that pass the filters, in the same order. LIMIT: see jobs_items.sql.
SELECT i.id
FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, place)
CROSS JOIN LATERAL (SELECT * FROM crier.job_log l WHERE l.id = i.id LIMIT 1) l
WHERE ($2::text[] IS NULL OR l.level = ANY ($2))
  AND ($3::text IS NULL OR to_tsvector('simple', l.message) @@ websearch_to_tsquery('simple', $3))
  AND ($4::jsonb IS NULL OR l.metadata @> $4)
ORDER BY i.place
