-- Jobs that begin again; what went wrong before stays readable until they end.
INSERT INTO crier.job_retry (id, retried_at, workspace_id, run_at, attempt, lost_leases, error)
SELECT j.id, $2, j.workspace_id, $2, 0, 0,
       (SELECT r.error FROM crier.job_retry r WHERE r.id = j.id ORDER BY r.retried_at DESC LIMIT 1)
FROM unnest($1::uuid[]) AS i (id)
JOIN crier.job j ON j.id = i.id
