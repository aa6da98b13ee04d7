-- The dead among these jobs, locked, that may live again: those without a dedupe key, and those that get theirs back. A
-- publish is left alone whose target is anything but failed, and every action. Everything is looked up job by job: joined, whole tables would
-- be read.
WITH dead AS (
    SELECT o.id
    FROM (SELECT DISTINCT u.id FROM unnest($1::uuid[]) AS u (id) ORDER BY u.id) i
    CROSS JOIN LATERAL (SELECT q.id FROM crier.job_outcome q WHERE q.id = i.id AND q.state = 'failed' FOR UPDATE) o
    WHERE NOT EXISTS (SELECT 1 FROM crier.post_target t WHERE t.job_id = o.id AND t.state <> 'failed' OFFSET 0)
      AND NOT EXISTS (SELECT 1 FROM crier.account_action a WHERE a.job_id = o.id OFFSET 0)
), keys AS (
    INSERT INTO crier.job_key (workspace_id, kind, dedupe_key, job_id, created_at)
    SELECT coalesce(j.workspace_id, '00000000-0000-0000-0000-000000000000'), j.kind, j.dedupe_key, j.id, $2
    FROM dead
    CROSS JOIN LATERAL (SELECT * FROM crier.job q WHERE q.id = dead.id LIMIT 1) j
    WHERE j.dedupe_key IS NOT NULL
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (workspace_id, kind, dedupe_key) DO NOTHING
    RETURNING job_id
)
SELECT j.id
FROM dead
CROSS JOIN LATERAL (SELECT q.id, q.dedupe_key FROM crier.job q WHERE q.id = dead.id LIMIT 1) j
WHERE j.dedupe_key IS NULL OR j.id IN (SELECT job_id FROM keys)
