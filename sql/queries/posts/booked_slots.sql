SELECT account_id, at FROM crier.slot_booking WHERE workspace_id = $1 AND post_id = $2
