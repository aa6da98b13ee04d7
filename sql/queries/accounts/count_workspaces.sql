-- In how many other workspaces an account can be used, $5 at most, and whether it can in this one.
SELECT (SELECT count(*) FROM (
            SELECT FROM crier.social_account a
            WHERE a.platform = $2 AND a.external_id = $3 AND a.realm = $4 AND a.workspace_id <> $1
              AND a.status IN ('active', 'paused')
              AND EXISTS (SELECT FROM crier.workspace w WHERE w.id = a.workspace_id AND w.deleted_at IS NULL OFFSET 0)
            LIMIT $5) others),
       EXISTS (SELECT FROM crier.social_account a
               WHERE a.platform = $2 AND a.external_id = $3 AND a.realm = $4 AND a.workspace_id = $1
                 AND a.status IN ('active', 'paused'))
