-- Those of these posts that pass the filters, in the same order, with their times. LIMIT: see jobs_items.sql.
SELECT i.id, p.scheduled_at
FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, place)
CROSS JOIN LATERAL (SELECT * FROM crier.post t WHERE t.id = i.id AND t.deleted_at IS NULL LIMIT 1) p
WHERE ($2::text IS NULL OR $2 = (SELECT v.state FROM crier.posts v WHERE v.id = i.id LIMIT 1))
  AND ($3::uuid IS NULL OR $3 = ANY (p.accounts))
  AND ($4::text IS NULL OR EXISTS (SELECT FROM crier.post_tag g
                                   WHERE g.workspace_id = p.workspace_id AND g.tag = $4 AND g.post_id = p.id))
  AND ($5::text IS NULL OR to_tsvector('simple', p.content) @@ websearch_to_tsquery('simple', $5))
ORDER BY i.place
