-- The jobs of a worker's answer, locked, where the token is still the current one. Rows are locked in the order
-- of their ids, as everywhere, so that two answers can't wait for each other.
SELECT i.ord::int, j.id, j.kind, j.attempt, j.max_attempts, j.account_id IS NOT NULL
FROM crier.job j
JOIN unnest($1::uuid[], $2::bigint[]) WITH ORDINALITY AS i (id, token, ord) ON i.id = j.id AND i.token = j.token
WHERE j.state = 'running'
ORDER BY j.id
FOR UPDATE OF j
