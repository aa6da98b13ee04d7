-- What limits an account has of its own for an action.
SELECT per, max, by_operator FROM crier.account_limit WHERE workspace_id = $1 AND account_id = $2 AND action = $3
