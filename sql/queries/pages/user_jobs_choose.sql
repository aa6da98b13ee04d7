-- Those of these jobs that pass the filters, with what they may be ordered by. The state is that of crier.jobs.
SELECT s.id, s.kind, s.state, s.priority, s.run_at, s.finished_at
FROM (
    SELECT j.id, j.kind, j.priority, o.finished_at,
           coalesce(o.run_at, (SELECT r.run_at FROM crier.job_retry r WHERE r.id = j.id ORDER BY r.retried_at DESC LIMIT 1),
                    j.run_at) AS run_at,
           CASE WHEN o.id IS NOT NULL THEN o.state
                WHEN EXISTS (SELECT 1 FROM crier.job_lease(j.id, j.workspace_id)) THEN 'running'
                WHEN EXISTS (SELECT 1 FROM crier.job_retry r WHERE r.id = j.id) THEN 'retrying'
                ELSE 'pending' END AS state
    FROM unnest($1::uuid[]) AS i (id)
    JOIN crier.job j ON j.id = i.id
    LEFT JOIN crier.job_outcome o ON o.id = j.id
    WHERE $2::text IS NULL OR j.kind = $2
) s
WHERE $3::text IS NULL OR s.state = $3
