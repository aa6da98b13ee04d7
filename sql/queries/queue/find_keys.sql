-- The unfinished jobs that have the dedupe keys named, by the place of the key (the first is 1).
SELECT i.ord::int, k.job_id, k.created_at
FROM unnest($1::uuid[], $2::text[], $3::text[]) WITH ORDINALITY AS i (workspace_id, kind, dedupe_key, ord)
JOIN crier.job_key k ON k.workspace_id = i.workspace_id AND k.kind = i.kind AND k.dedupe_key = i.dedupe_key
WHERE NOT EXISTS (SELECT 1 FROM crier.job_outcome o WHERE o.id = k.job_id)
