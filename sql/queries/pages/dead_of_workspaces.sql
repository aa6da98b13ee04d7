-- Jobs of some workspaces that failed for good, the newest first: those of each from its own index, so that others' rows are not passed.
SELECT f.id
FROM unnest($4::uuid[]) AS w (id)
CROSS JOIN LATERAL (
    SELECT t.id
    FROM crier.job_outcome t
    WHERE t.workspace_id = w.id AND t.id >= $1 AND t.id < $2 AND t.state = 'failed'
    ORDER BY t.id DESC
    LIMIT $3
) f
ORDER BY f.id DESC
LIMIT $3
