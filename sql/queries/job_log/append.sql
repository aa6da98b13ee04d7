-- Appends lines of those jobs that there are.
INSERT INTO crier.job_log (id, job_id, workspace_id, level, message, metadata, created_at)
SELECT l.id, l.job_id, j.workspace_id, l.level, l.message, l.metadata::jsonb, $6
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[]) AS l (id, job_id, level, message, metadata)
JOIN crier.job j ON j.id = l.job_id
RETURNING id
