-- Those of these jobs that pass the filters, in the same order. The state is that of crier.jobs; what an unfinished job
-- is doing is looked up for such jobs only. LIMIT: see jobs_items.sql.
SELECT i.id
FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, place)
CROSS JOIN LATERAL (SELECT * FROM crier.job j WHERE j.id = i.id LIMIT 1) j
LEFT JOIN LATERAL (SELECT * FROM crier.job_outcome o WHERE o.id = i.id LIMIT 1) o ON true
WHERE ($2::uuid[] IS NULL OR j.workspace_id = ANY ($2))
  AND ($3::uuid IS NULL OR j.user_id = $3)
  AND ($4::text IS NULL OR j.kind = $4)
  AND ($5::jsonb IS NULL OR j.params @> $5)
  AND ($6::jsonb IS NULL OR o.result @> $6)
  AND ($7::text IS NULL OR $7 = CASE
           WHEN o.id IS NOT NULL THEN o.state
           WHEN EXISTS (SELECT 1 FROM crier.job_lease(j.id, j.workspace_id)) THEN 'running'
           WHEN EXISTS (SELECT 1 FROM crier.job_retry r WHERE r.id = j.id) THEN 'retrying'
           ELSE 'pending' END)
ORDER BY i.place
