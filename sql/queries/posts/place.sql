-- Targets and the jobs they get.
UPDATE crier.post_target t
SET job_id = o.job_id, updated_at = $4
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS o (workspace_id, id, job_id)
WHERE t.workspace_id = o.workspace_id AND t.id = o.id
