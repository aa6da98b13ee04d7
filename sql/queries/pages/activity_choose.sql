-- Those of these rows that pass the filters, in the same order. LIMIT: see jobs_items.sql.
SELECT i.id
FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, place)
CROSS JOIN LATERAL (SELECT * FROM crier.activity_log a WHERE a.workspace_id = $2 AND a.id = i.id LIMIT 1) a
WHERE ($3::uuid IS NULL OR a.user_id = $3)
  AND ($4::text IS NULL OR a.action = $4)
  AND ($5::text IS NULL OR a.object_type = $5)
  AND ($6::uuid IS NULL OR a.object_id = $6)
ORDER BY i.place
