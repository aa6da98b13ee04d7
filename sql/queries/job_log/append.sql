-- Appends lines of those jobs that there are. LIMIT has each job looked up by its id, not all partitions joined.
INSERT INTO crier.job_log (id, job_id, workspace_id, level, message, metadata, created_at)
SELECT l.id, l.job_id, j.workspace_id, l.level, l.message, l.metadata::jsonb, $6
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[]) AS l (id, job_id, level, message, metadata)
CROSS JOIN LATERAL (SELECT w.workspace_id FROM crier.job w WHERE w.id = l.job_id LIMIT 1) j
RETURNING id
