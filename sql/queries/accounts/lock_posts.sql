-- The posts of which something is to be published with an account, locked: whoever else changes one waits.
SELECT p.id FROM crier.post p
WHERE p.workspace_id = $1
  AND p.id = ANY (ARRAY(SELECT t.post_id FROM crier.post_target t
                        WHERE t.workspace_id = $1 AND t.account_id = $2 AND t.state NOT IN ('published', 'failed', 'canceled')))
ORDER BY p.id
FOR NO KEY UPDATE
