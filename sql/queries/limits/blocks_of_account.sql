-- The blocks of an account that last; an empty action stands for every one.
SELECT action, until, reason FROM crier.limit_block WHERE account_id = $1 AND until > $2
