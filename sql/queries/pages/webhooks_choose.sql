-- Those of these received webhooks that pass the filters, in the same order. LIMIT: see jobs_items.sql.
SELECT i.id
FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, place)
CROSS JOIN LATERAL (SELECT * FROM crier.webhook_event e WHERE e.id = i.id LIMIT 1) e
WHERE ($2::text IS NULL OR e.platform = $2)
  AND ($3::text IS NULL OR e.kinds @> ARRAY[$3])
  AND ($4::uuid IS NULL OR e.account_id = $4)
  AND ($5::boolean IS NULL OR (e.processed_at IS NOT NULL) = $5)
ORDER BY i.place
