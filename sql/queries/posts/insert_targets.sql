-- Of the parts of a thread, only the first has a job from the beginning.
INSERT INTO crier.post_target (workspace_id, id, post_id, account_id, platform, job_id, state, part, answers, content, has_next,
                               created_at, updated_at)
SELECT $1, t.id, $2, t.account_id, t.platform, t.job_id, CASE WHEN t.part = 0 THEN 'scheduled' ELSE 'waiting' END, t.part,
       t.answers, t.content, t.has_next, $7, $7
FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::uuid[], $8::int[], $9::int[], $10::text[], $11::boolean[])
     AS t (id, account_id, platform, job_id, part, answers, content, has_next)
