DELETE FROM crier.account_limit WHERE workspace_id = $1 AND account_id = $2 AND action = $3 AND per = $4
