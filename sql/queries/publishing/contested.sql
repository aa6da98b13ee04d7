-- The jobs among these whose post is another target's of the account already, or also that of one told here, or has a name that is
-- too long to be kept. The LIMIT has each looked up by itself: EXISTS beside OR is planned as a hash of all posts there are.
SELECT told.job_id, told.is_nameless
FROM (
    SELECT t.job_id, t.id, t.workspace_id, t.account_id, d.external_id, char_length(d.external_id) > $3 AS is_nameless,
           row_number() OVER (PARTITION BY t.workspace_id, t.account_id, d.external_id ORDER BY t.id) AS place
    FROM unnest($1::uuid[], $2::jsonb[]) AS g (job_id, detail)
    CROSS JOIN LATERAL (SELECT g.detail ->> 'external_id' AS external_id) AS d
    JOIN crier.post_target t ON t.job_id = g.job_id
    WHERE d.external_id IS NOT NULL
) AS told
LEFT JOIN LATERAL (
    SELECT true AS has_it
    FROM crier.post_target o
    WHERE o.workspace_id = told.workspace_id AND o.account_id = told.account_id
      AND o.external_id = told.external_id AND o.id <> told.id
    LIMIT 1
) AS other ON true
WHERE told.is_nameless OR told.place > 1 OR other.has_it
