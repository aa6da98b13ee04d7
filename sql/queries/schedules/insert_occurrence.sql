-- What becomes of an occurrence; no row where that was decided before.
INSERT INTO crier.schedule_occurrence (workspace_id, schedule_id, occurs_at, state, post_id, item_id, item_used_before, accounts, error,
                                       created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT DO NOTHING
RETURNING true
