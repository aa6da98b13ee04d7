-- Who has jobs by these tokens.
SELECT i.ord::int, c.worker
FROM unnest($1::uuid[], $2::bigint[]) WITH ORDINALITY AS i (id, token, ord)
JOIN crier.job_claim c ON c.recorded_at = i.token AND c.token = i.token AND i.id = ANY (c.job_ids)
