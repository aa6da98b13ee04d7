-- Accounts named in the input that are none of the workspace named beside them.
SELECT i.account_id
FROM unnest($1::uuid[], $2::uuid[]) AS i (workspace_id, account_id)
WHERE i.account_id IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM crier.social_account a
                  WHERE a.workspace_id = i.workspace_id AND a.id = i.account_id AND a.deleted_at IS NULL)
LIMIT 1
