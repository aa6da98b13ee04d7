-- Who has jobs by these tokens, looked up one by one.
SELECT i.ord::int, c.worker
FROM unnest($1::uuid[], $2::bigint[]) WITH ORDINALITY AS i (id, token, ord)
CROSS JOIN LATERAL (
    SELECT q.worker FROM crier.job_claim q
    WHERE q.recorded_at = i.token AND q.token = i.token AND i.id = ANY (q.job_ids) LIMIT 1
) c
