-- The jobs among these whose post is another target's of the account already, or also that of one told here. The LIMIT has each
-- looked up by itself: EXISTS beside OR is planned as a hash of all posts there are.
SELECT told.job_id
FROM (
    SELECT t.job_id, t.id, t.workspace_id, t.account_id, left(g.detail ->> 'external_id', 500) AS external_id,
           row_number() OVER (PARTITION BY t.workspace_id, t.account_id, left(g.detail ->> 'external_id', 500) ORDER BY t.id) AS place
    FROM unnest($1::uuid[], $2::jsonb[]) AS g (job_id, detail)
    JOIN crier.post_target t ON t.job_id = g.job_id
    WHERE g.detail ->> 'external_id' IS NOT NULL
) AS told
LEFT JOIN LATERAL (
    SELECT true AS has_it
    FROM crier.post_target o
    WHERE o.workspace_id = told.workspace_id AND o.account_id = told.account_id
      AND o.external_id = told.external_id AND o.id <> told.id
    LIMIT 1
) AS other ON true
WHERE told.place > 1 OR other.has_it
