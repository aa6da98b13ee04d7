-- What a worker needs of the jobs it was given. The bounds tell the server which partitions it need not open.
SELECT j.id, j.kind, j.params, j.workspace_id, j.user_id, j.account_id
FROM unnest($1::uuid[]) AS i (id)
JOIN crier.job j ON j.id = i.id
WHERE j.id >= $2 AND j.id <= $3
