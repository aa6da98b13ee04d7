-- What is to be published with an account, and what of it nobody knows; that of a deleted post nobody decides about any more.
SELECT t.id, t.post_id, t.job_id, t.state, t.was_unclear
FROM crier.post_target t
JOIN crier.post p ON p.workspace_id = t.workspace_id AND p.id = t.post_id
WHERE t.workspace_id = $1 AND t.account_id = $2 AND t.state NOT IN ('published', 'failed', 'canceled')
  AND (t.state <> 'unconfirmed' OR p.deleted_at IS NULL)
ORDER BY t.id
FOR UPDATE OF t
