-- Those of these jobs that pass the filters, in the same order. The state is that of crier.jobs; what an unfinished job
-- is doing is looked up for such jobs only.
SELECT j.id
FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, place)
JOIN crier.job j ON j.id = i.id
LEFT JOIN crier.job_outcome o ON o.id = j.id
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
