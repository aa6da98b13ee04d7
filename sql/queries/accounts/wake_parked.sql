-- The jobs that waited for the account to be connected again.
UPDATE crier.job SET run_at = $2
WHERE account_id = $1 AND state = 'retrying' AND run_at > $2 AND error ->> 'class' = 'auth_revoked'
RETURNING id
