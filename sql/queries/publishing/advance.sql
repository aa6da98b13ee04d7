-- The parts that wait for others, which are published: their time has come. Each has the job that is given for it.
UPDATE crier.post_target t
SET state = 'queued', job_id = o.job_id, updated_at = $6
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::uuid[]) AS o (workspace_id, post_id, account_id, part, job_id)
WHERE t.workspace_id = o.workspace_id AND t.post_id = o.post_id AND t.account_id = o.account_id AND t.part = o.part
  AND t.state = 'waiting'
RETURNING t.job_id, t.id, (SELECT p.author_id FROM crier.post p WHERE p.workspace_id = t.workspace_id AND p.id = t.post_id),
          (SELECT p.priority FROM crier.post p WHERE p.workspace_id = t.workspace_id AND p.id = t.post_id)
