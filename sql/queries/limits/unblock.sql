-- Lifts a block: of a server (the nil uuid), of an account (an empty action), or of one of its actions.
DELETE FROM crier.limit_block
WHERE account_id = $1 AND platform = $2 AND host = $3 AND action = $4
RETURNING until
