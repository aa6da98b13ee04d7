DELETE FROM crier.account_slots WHERE workspace_id = $1 AND account_id = $2
