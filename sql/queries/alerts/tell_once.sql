-- Notes that $2 is told of accounts, with the credential each has now; answers with those of which it was not told yet.
WITH told AS (
    INSERT INTO crier.alert_told AS t (workspace_id, account_id, kind, generation)
    SELECT c.workspace_id, c.account_id, $2, c.generation
    FROM crier.credential c
    WHERE c.account_id = ANY ($1::uuid[])
      AND NOT EXISTS (SELECT FROM crier.alert_told o
                      WHERE o.workspace_id = c.workspace_id AND o.account_id = c.account_id AND o.kind = $2
                        AND o.generation >= c.generation)
    -- in one order everywhere, so that nobody waits in a circle
    ORDER BY c.workspace_id, c.account_id
    ON CONFLICT (workspace_id, account_id, kind) DO UPDATE SET generation = excluded.generation
        WHERE t.generation < excluded.generation
    RETURNING t.workspace_id, t.account_id, t.generation
)
SELECT told.workspace_id, told.account_id, told.generation, a.platform, a.handle
FROM told
CROSS JOIN LATERAL (
    SELECT s.platform, s.handle FROM crier.social_account s
    WHERE s.workspace_id = told.workspace_id AND s.id = told.account_id OFFSET 0
) a
