-- What went wrong with jobs last.
SELECT i.ord::int, r.error
FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, ord)
CROSS JOIN LATERAL (
    SELECT q.error FROM crier.job_retry q WHERE q.id = i.id ORDER BY q.retried_at DESC LIMIT 1
) r
WHERE r.error IS NOT NULL
