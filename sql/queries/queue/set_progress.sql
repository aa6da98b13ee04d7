INSERT INTO crier.job_progress (id, workspace_id, progress, reported_at)
SELECT i.id, i.workspace_id, i.progress, $4
FROM unnest($1::uuid[], $2::uuid[], $3::jsonb[]) AS i (id, workspace_id, progress)
ORDER BY i.id
ON CONFLICT (id) DO UPDATE SET progress = excluded.progress, reported_at = excluded.reported_at
