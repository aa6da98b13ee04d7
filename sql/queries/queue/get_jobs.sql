-- What a worker needs of the jobs it was given, looked up one by one: a plan that joins reads everything between the
-- bounds. These tell the server which partitions it need not open.
SELECT j.id, j.kind, j.params, j.workspace_id, j.user_id, j.account_id
FROM unnest($1::uuid[]) AS i (id)
CROSS JOIN LATERAL (
    SELECT q.id, q.kind, q.params, q.workspace_id, q.user_id, q.account_id
    FROM crier.job q WHERE q.id = i.id AND q.id >= $2 AND q.id <= $3 LIMIT 1
) j
