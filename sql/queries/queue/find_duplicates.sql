-- The unfinished jobs that have the dedupe keys named, by the place of the key (the first is 1).
SELECT i.ord::int, j.id
FROM unnest($1::uuid[], $2::text[], $3::text[]) WITH ORDINALITY AS i (workspace_id, kind, dedupe_key, ord)
JOIN crier.job j
  ON coalesce(j.workspace_id, '00000000-0000-0000-0000-000000000000'::uuid)
     = coalesce(i.workspace_id, '00000000-0000-0000-0000-000000000000'::uuid)
 AND j.kind = i.kind
 AND j.dedupe_key = i.dedupe_key
