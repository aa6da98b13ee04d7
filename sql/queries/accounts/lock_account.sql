-- Accounts first, credentials second, as everywhere. NO KEY: posts for the account may be made meanwhile. That of a workspace that
-- is deleted is none, nor one that is disconnected: no token is stored for it any more.
SELECT a.workspace_id, a.platform FROM crier.social_account a
WHERE a.id = $1 AND a.deleted_at IS NULL
  AND EXISTS (SELECT FROM crier.workspace w WHERE w.id = a.workspace_id AND w.deleted_at IS NULL)
FOR NO KEY UPDATE
