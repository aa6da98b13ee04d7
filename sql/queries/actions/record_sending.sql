-- The point of no return of a message: what is not clear after this is never sent again by itself.
UPDATE crier.account_action SET state = 'sending', sent_at = $2, updated_at = $2
WHERE job_id = $1 AND state IN ('running', 'sending') AND kind = 'send_dm'
RETURNING id
