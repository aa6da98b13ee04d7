DELETE FROM crier.slot_booking WHERE workspace_id = $1 AND post_id = $2 AND account_id = ANY ($3::uuid[])
