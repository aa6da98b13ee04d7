INSERT INTO crier.post_target (workspace_id, id, post_id, account_id, platform, job_id, created_at, updated_at)
SELECT $1, t.id, $2, t.account_id, t.platform, t.job_id, $7, $7
FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::uuid[]) AS t (id, account_id, platform, job_id)
