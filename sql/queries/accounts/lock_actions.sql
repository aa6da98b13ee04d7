-- What an account is to do besides publishing and is at, or is sending.
SELECT id FROM crier.account_action
WHERE workspace_id = $1 AND account_id = $2 AND state IN ('running', 'sending')
ORDER BY id
FOR UPDATE
