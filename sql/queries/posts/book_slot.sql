-- Takes a slot, unless somebody has it: whoever is about to is waited for.
INSERT INTO crier.slot_booking (workspace_id, account_id, at, post_id) VALUES ($1, $2, $3, $4)
ON CONFLICT (workspace_id, account_id, at) DO NOTHING
RETURNING at
