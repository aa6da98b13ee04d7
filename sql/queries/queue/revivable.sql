-- The dead among these jobs, locked, that may live again: those without a dedupe key, and those that get theirs back. A
-- publish whose target has a final outcome is left alone.
WITH dead AS (
    SELECT o.id
    FROM unnest($1::uuid[]) AS i (id)
    JOIN crier.job_outcome o ON o.id = i.id AND o.state = 'failed'
    WHERE NOT EXISTS (SELECT 1 FROM crier.post_target t WHERE t.job_id = o.id)
    ORDER BY o.id
    FOR UPDATE OF o
), keys AS (
    INSERT INTO crier.job_key (workspace_id, kind, dedupe_key, job_id, created_at)
    SELECT coalesce(j.workspace_id, '00000000-0000-0000-0000-000000000000'), j.kind, j.dedupe_key, j.id, $2
    FROM dead
    JOIN crier.job j ON j.id = dead.id
    WHERE j.dedupe_key IS NOT NULL
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (workspace_id, kind, dedupe_key) DO NOTHING
    RETURNING job_id
)
SELECT j.id
FROM dead
JOIN crier.job j ON j.id = dead.id
WHERE j.dedupe_key IS NULL OR j.id IN (SELECT job_id FROM keys)
