-- What a worker needs of the jobs it was given.
SELECT j.id, j.kind, j.params, j.workspace_id, j.user_id, j.account_id
FROM unnest($1::uuid[]) AS i (id)
JOIN crier.job j ON j.id = i.id
