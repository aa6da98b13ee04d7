-- Of the parts of a thread, only the first may have a job from the beginning, and a time.
INSERT INTO crier.post_target (workspace_id, id, post_id, account_id, platform, job_id, state, part, answers, content, has_next,
                               created_at, updated_at, due_at, is_comment, media, settings)
SELECT $1, t.id, $2, t.account_id, t.platform, t.job_id, t.state, t.part, t.answers, t.content, t.has_next, $7, $7,
       t.due_at, t.is_comment, t.media, t.settings
FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::uuid[], $8::int[], $9::int[], $10::text[], $11::boolean[], $12::text[],
            $13::timestamptz[], $14::boolean[], $15::jsonb[], $16::jsonb[])
     AS t (id, account_id, platform, job_id, part, answers, content, has_next, state, due_at, is_comment, media, settings)
