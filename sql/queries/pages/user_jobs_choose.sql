-- Those of these jobs that pass the filters, with what they may be ordered by. The state is that of crier.jobs. LIMIT:
-- see jobs_items.sql.
SELECT s.id, s.kind, s.state, s.priority, s.run_at, s.finished_at
FROM (
    SELECT i.id, j.kind, j.priority, o.finished_at,
           CASE WHEN o.id IS NOT NULL THEN o.run_at
                ELSE coalesce((SELECT r.run_at FROM crier.job_retry r WHERE r.id = i.id ORDER BY r.retried_at DESC LIMIT 1),
                              j.run_at) END AS run_at,
           CASE WHEN o.id IS NOT NULL THEN o.state
                WHEN EXISTS (SELECT 1 FROM crier.job_lease(i.id, j.workspace_id)) THEN 'running'
                WHEN EXISTS (SELECT 1 FROM crier.job_retry r WHERE r.id = i.id) THEN 'retrying'
                ELSE 'pending' END AS state
    FROM unnest($1::uuid[]) AS i (id)
    CROSS JOIN LATERAL (SELECT * FROM crier.job j WHERE j.id = i.id LIMIT 1) j
    LEFT JOIN LATERAL (SELECT * FROM crier.job_outcome o WHERE o.id = i.id LIMIT 1) o ON true
    WHERE $2::text IS NULL OR j.kind = $2
) s
WHERE $3::text IS NULL OR s.state = $3
